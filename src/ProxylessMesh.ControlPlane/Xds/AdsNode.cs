using System.Collections.Immutable;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Xds;

/// <summary>Who is at the other end of an ADS stream.</summary>
/// <param name="Id">What it calls itself: a name for people, and the instance id of its registration. Grants nothing.</param>
/// <param name="Identity">What its certificate proves; null on the plaintext port.</param>
/// <param name="Namespace">Where its short names are looked up.</param>
/// <param name="UserAgent">Its xDS client and version, as it says.</param>
internal sealed record AdsNode(string Id, SpiffeId? Identity, string Namespace, string UserAgent)
{
    /// <summary>What it says its labels are. Counts only for routes, and only where it never registered as a workload.</summary>
    public IReadOnlyDictionary<string, string> ClaimedLabels { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Where it says it runs. Counts like the labels.</summary>
    public WorkloadLocality ClaimedLocality { get; init; }

    /// <summary>The namespace that an ID proves; null for an ID of another layout.</summary>
    public static string? NamespaceOf(SpiffeId id) => id.Path.Split('/') is ["", "ns", var proved, "sa", _] ? proved : null;

    /// <summary>The service account that an ID proves; null for none and for an ID of another layout.</summary>
    public static string? ServiceAccountOf(SpiffeId? id) => id?.Path.Split('/') is ["", "ns", _, "sa", var proved] ? proved : null;
}
