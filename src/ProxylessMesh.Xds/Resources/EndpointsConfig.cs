using System.Collections.Immutable;
using System.Net;

namespace ProxylessMesh.Xds.Resources;

/// <summary>A valid <c>ClusterLoadAssignment</c>. Priorities start at 0 without a gap.</summary>
internal sealed record EndpointsConfig
{
    public required string Name { get; init; }

    public ImmutableArray<LocalityConfig> Localities { get; init; } = [];

    /// <summary>Share of calls to drop at once, by <c>drop_overloads</c>: per million each, in order.</summary>
    public ImmutableArray<(string Category, int PerMillion)> Drops { get; init; } = [];

    /// <summary>
    /// <c>policy.overprovisioning_factor</c> in percent, where it is written: calls spill to the next priority by Envoy's arithmetic.
    /// Null: the next priority is used only when nobody of the one before takes calls, as gRPC does.
    /// </summary>
    public uint? OverprovisioningFactor { get; init; }
}

internal sealed record LocalityConfig
{
    public string Region { get; init; } = "";

    public string Zone { get; init; } = "";

    public string SubZone { get; init; } = "";

    public int Priority { get; init; }

    public uint Weight { get; init; } = 1;

    public ImmutableArray<EndpointConfig> Endpoints { get; init; } = [];
}

/// <summary>One address of a service.</summary>
internal sealed record EndpointConfig
{
    public required IPEndPoint Address { get; init; }

    /// <summary>Further addresses of the same endpoint, in the order of preference (gRFC A61).</summary>
    public ImmutableArray<IPEndPoint> AdditionalAddresses { get; init; } = [];

    /// <summary>The endpoint's own host name, for <c>auto_host_rewrite</c> (gRFC A81) and <c>auto_host_sni</c>; empty: none.</summary>
    public string Hostname { get; init; } = "";

    /// <summary>What a ring or table hashes instead of the address (<c>metadata["envoy.lb"].hash_key</c>, gRFC A76); empty: the address.</summary>
    public string HashKey { get; init; } = "";

    public EndpointHealth Health { get; init; } = EndpointHealth.Healthy;

    public uint Weight { get; init; } = 1;

    /// <summary>
    /// The endpoint takes mesh TLS: <c>metadata.filter_metadata["envoy.transport_socket_match"].tlsMode</c> is <c>istio</c>.
    /// Null where the endpoint does not say; the cluster's TLS setting then decides alone.
    /// </summary>
    public bool? MeshTls { get; init; }
}

/// <summary>HEALTHY and UNKNOWN take calls; DRAINING finishes what runs; the others take none.</summary>
internal enum EndpointHealth
{
    Healthy,
    Draining,
    Unhealthy,
}
