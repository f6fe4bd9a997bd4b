using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>How the place of caller and endpoint counts (Istio <c>localityLbSetting</c> and <c>zoneAwareLbSetting</c>).</summary>
public sealed record LocalitySettings
{
    /// <summary>False: all endpoints are equal, wherever they are.</summary>
    public bool IsEnabled { get; init; } = true;

    /// <summary>Shares of places for callers from a place; excludes the two others.</summary>
    public ImmutableArray<LocalityShares> Distribute { get; init; } = [];

    /// <summary>For callers of a region, the region that comes next after their own.</summary>
    public ImmutableArray<LocalityFailover> Failover { get; init; } = [];

    /// <summary>Labels in the order of their weight: <c>key</c> (the caller's value) or <c>key=value</c>.</summary>
    public ImmutableArray<string> FailoverPriority { get; init; } = [];

    /// <summary>Own region first, and within it as much in the own zone as its capacity allows (<c>zoneAwareLbSetting</c>).</summary>
    public bool IsZoneAware { get; init; }

    /// <summary>With <see cref="IsZoneAware"/>: fewer endpoints than this, and zones do not count; null: 6.</summary>
    public int? MinClusterSize { get; init; }
}

/// <summary>What callers from one place send where.</summary>
/// <param name="From"><c>region/zone/subzone</c>, the end of which may be left out or <c>*</c>.</param>
/// <param name="To">The same for endpoints, with percentages that add up to 100.</param>
public sealed record LocalityShares(string From, ImmutableSortedDictionary<string, int> To);

/// <summary>Where the calls of a region go when it has nobody left.</summary>
/// <param name="From">The callers' region.</param>
/// <param name="To">The region that comes before all others.</param>
public sealed record LocalityFailover(string From, string To);
