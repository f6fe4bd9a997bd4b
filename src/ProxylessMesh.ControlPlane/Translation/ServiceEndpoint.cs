using System.Collections.Immutable;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>Somebody who serves a port of a service: a workload that joined, or one that a manifest names.</summary>
internal sealed record ServiceEndpoint
{
    /// <summary>An IP address, or for a cluster that looks names up, a name.</summary>
    public required string Address { get; init; }

    /// <summary>The same endpoint by the other version of IP; null: it has none.</summary>
    public string? OtherAddress { get; init; }

    public required int Port { get; init; }

    /// <summary><c>http</c>, <c>http2</c>, <c>grpc</c>.</summary>
    public string AppProtocol { get; init; } = "";

    public WorkloadHealth Health { get; init; }

    public WorkloadLocality Locality { get; init; }

    public IReadOnlyDictionary<string, string> Labels { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    public uint Weight { get; init; } = 1;

    /// <summary>Whether callers are to use mTLS with it.</summary>
    public bool TakesMeshTls { get; init; }

    /// <summary>Who proves to be there; empty: nobody can.</summary>
    public string Identity { get; init; } = "";

    /// <summary>Takes <c>region/zone/subzone</c> apart.</summary>
    public static WorkloadLocality ParseLocality(string text)
    {
        var parts = text.Split('/');
        return new WorkloadLocality(parts[0], parts.Length > 1 ? parts[1] : "", parts.Length > 2 ? parts[2] : "");
    }

    public bool IsSelectedBy(ImmutableSortedDictionary<string, string> selector) => selector.Selects(Labels);
}
