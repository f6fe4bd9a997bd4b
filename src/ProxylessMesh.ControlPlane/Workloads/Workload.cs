using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Net;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Workloads;

/// <summary>One process that joined: who it is (proved), where it is, how it is. Immutable; a change makes a new one.</summary>
internal sealed record Workload
{
    /// <summary>Unique per process: the node id of its ADS stream.</summary>
    public required string InstanceId { get; init; }

    public required SpiffeId Id { get; init; }

    /// <summary>The short name others call it by, for example <c>catalog</c>.</summary>
    public required string Service { get; init; }

    public required string Namespace { get; init; }

    public required string ServiceAccount { get; init; }

    /// <summary>What selectors see: the workload's own labels, <c>app</c> (always the service) and <c>version</c> where it has one.</summary>
    public required FrozenDictionary<string, string> Labels { get; init; }

    public WorkloadLocality Locality { get; init; }

    /// <summary>Where peers reach it, at least one.</summary>
    public required ImmutableArray<IPAddress> Addresses { get; init; }

    /// <summary>In the order of the registration. Empty for a process that only calls.</summary>
    public ImmutableArray<ServingPort> Ports { get; init; } = [];

    public WorkloadHealth Health { get; init; }

    /// <summary>What its data plane can do, as it announced.</summary>
    public ImmutableArray<string> Features { get; init; } = [];

    public string LibraryVersion { get; init; } = "";
}

/// <summary>Where a workload runs; empty parts are unknown.</summary>
internal readonly record struct WorkloadLocality(string Region, string Zone, string SubZone);

/// <summary>A port that a workload serves on.</summary>
/// <param name="Name">May be empty.</param>
/// <param name="Number">1 to 65535.</param>
/// <param name="AppProtocol"><c>http</c>, <c>http2</c> or <c>grpc</c>.</param>
/// <param name="TakesMeshTls">Whether it takes mesh mTLS.</param>
internal readonly record struct ServingPort(string Name, int Number, string AppProtocol, bool TakesMeshTls);

/// <summary>Whether a workload wants calls.</summary>
internal enum WorkloadHealth
{
    Serving,
    NotServing,

    /// <summary>It is going: no new calls, running ones finish.</summary>
    Draining,
}
