using System.Collections.Frozen;
using System.Collections.Immutable;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Xds;

/// <summary>Everything needed to send calls to one name, complete and consistent (gRFC A74). Never changes once built.</summary>
internal sealed record XdsConfig
{
    /// <summary>The authority as the application calls it: the listener's name.</summary>
    public required string Name { get; init; }

    public required ListenerConfig Listener { get; init; }

    public required RouteConfig Routes { get; init; }

    /// <summary>Every cluster that a call to this name can reach: of its routes and their mirrors, and underneath aggregates.</summary>
    public required FrozenDictionary<string, ClusterState> Clusters { get; init; }
}

/// <summary>
/// A cluster with its endpoints, or why it has none. A missing cluster fails only the calls that are routed to it.
/// </summary>
internal sealed record ClusterState
{
    /// <summary>Null where the cluster does not exist or was never valid.</summary>
    public ClusterConfig? Config { get; init; }

    public EndpointsConfig? Endpoints { get; init; }

    /// <summary>
    /// For <see cref="ClusterDiscovery.Aggregate"/>: the clusters underneath, aggregates among them followed down, in the order of their
    /// priority and each once (gRFC A37). All are in <see cref="XdsConfig.Clusters"/>. Empty for every other cluster.
    /// </summary>
    public ImmutableArray<string> Leaves { get; init; } = [];

    /// <summary>Null where <see cref="Config"/> and <see cref="Endpoints"/> (of an aggregate: <see cref="Leaves"/>) are there.</summary>
    public string? Error { get; init; }
}

/// <summary>The config of an inbound listener: what a server asks of its callers.</summary>
internal sealed record InboundConfig
{
    public required string Name { get; init; }

    public required ListenerConfig Listener { get; init; }
}
