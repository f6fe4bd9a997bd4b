using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>What happens to calls for a host after routing: subsets, balancing, limits, ejection (Istio <c>DestinationRule</c>).</summary>
public sealed record DestinationRuleManifest : Manifest
{
    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.DestinationRule;

    /// <summary>The host as a full name, or a wildcard as written.</summary>
    public required string Host { get; init; }

    /// <summary>For all calls to the host.</summary>
    public TrafficPolicy TrafficPolicy { get; init; } = TrafficPolicy.None;

    /// <summary>Named parts of the host's workloads; names are unique.</summary>
    public ImmutableArray<DestinationSubset> Subsets { get; init; } = [];

    /// <summary>The namespaces whose clients it is for; <c>*</c>: all.</summary>
    public ImmutableArray<string> ExportTo { get; init; } = ["*"];

    /// <summary>The rule is for clients of its own namespace with these labels alone; empty: for all clients that see it.</summary>
    public ImmutableSortedDictionary<string, string> WorkloadSelector { get; init; } = LabelSet.Empty;

    /// <summary>Whether clients of <paramref name="namespace"/> may see it.</summary>
    public bool IsVisibleIn(string @namespace) => ExportTo.Contains("*") || ExportTo.Contains(@namespace);
}

/// <summary>The workloads of a host that have these labels.</summary>
public sealed record DestinationSubset
{
    /// <summary>The name that a VirtualService refers to.</summary>
    public required string Name { get; init; }

    /// <summary>What a workload must carry; empty: all.</summary>
    public ImmutableSortedDictionary<string, string> Labels { get; init; } = LabelSet.Empty;

    /// <summary>Each setting that is not null replaces the host's.</summary>
    public TrafficPolicy TrafficPolicy { get; init; } = TrafficPolicy.None;
}
