using System.Collections.Immutable;
using ProxylessMesh.ControlPlane.Workloads;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>Where a caller is, as far as the order of endpoints depends on it.</summary>
/// <param name="Locality">Empty parts are unknown.</param>
/// <param name="Labels">Those that some <c>failoverPriority</c> names.</param>
internal sealed record CallerPlace(WorkloadLocality Locality, ImmutableSortedDictionary<string, string> Labels)
{
    public static readonly CallerPlace Unknown = new(new WorkloadLocality("", "", ""), ImmutableSortedDictionary<string, string>.Empty);

    /// <summary>Callers with the same key see the same order.</summary>
    public string Key => this == Unknown || (Labels.IsEmpty && Locality == Unknown.Locality)
        ? ""
        : string.Join('/', Locality.Region, Locality.Zone, Locality.SubZone) + "|" + string.Join(',', Labels.Select(label => $"{label.Key}={label.Value}"));

    public static CallerPlace Of(RouteAudience audience, ImmutableArray<string> labels) => new(
        new WorkloadLocality(audience.Locality.Region ?? "", audience.Locality.Zone ?? "", audience.Locality.SubZone ?? ""),
        labels.Where(audience.Labels.ContainsKey).ToImmutableSortedDictionary(label => label, label => audience.Labels[label], StringComparer.Ordinal));
}
