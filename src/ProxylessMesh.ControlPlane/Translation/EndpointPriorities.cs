using System.Collections.Immutable;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// Which endpoints come first for a caller at a place. Istio's order: by the labels of <c>failoverPriority</c>, then by how much of region,
/// zone and subzone is the caller's own, with the region of <c>failover</c> before all other regions. The numbers have no gaps.
/// </summary>
internal sealed class EndpointPriorities
{
    // Same subzone, zone, region, another region, a region that failover did not name.
    private const int Places = 5;
    private const int OtherRegion = 3;
    private const int LastRegion = 4;

    private readonly LocalitySettings _settings;
    private readonly CallerPlace _place;

    private EndpointPriorities(LocalitySettings settings, CallerPlace place) => (_settings, _place) = (settings, place);

    /// <summary>What holds for a service: its DestinationRule's, else what the Service prefers, else Istio's default for a rule that ejects.</summary>
    /// <returns>Null: all endpoints are equal.</returns>
    public static LocalitySettings? SettingsOf(TrafficPolicy policy, bool prefersClose)
    {
        if (policy.LoadBalancer?.Locality is { } own)
        {
            return LoadBalancerTranslator.IsEnabled(own) is { } enabled && (policy.OutlierDetection is not null || enabled.IsZoneAware || !enabled.Distribute.IsEmpty) ? enabled : null;
        }

        return prefersClose ? _close : policy.OutlierDetection is not null ? _default : null;
    }

    /// <summary>The priority of each endpoint, from 0.</summary>
    public static ImmutableArray<(ServiceEndpoint Endpoint, int Priority)> Order(ImmutableArray<ServiceEndpoint> endpoints, LocalitySettings? settings, CallerPlace place)
    {
        if (settings is null or { Distribute.IsEmpty: false } || place.Key.Length == 0)
        {
            return [.. endpoints.Select(endpoint => (endpoint, 0))];
        }

        var priorities = new EndpointPriorities(settings, place);
        var ranks = endpoints.Select(priorities.Rank).ToImmutableArray();
        var order = ranks.Distinct().Order().ToImmutableArray();
        return [.. endpoints.Zip(ranks, (endpoint, rank) => (endpoint, order.IndexOf(rank)))];
    }

    private static readonly LocalitySettings _default = new();
    private static readonly LocalitySettings _close = new() { FailoverPriority = [RegionLabel, ZoneLabel, SubZoneLabel] };

    private const string RegionLabel = "topology.kubernetes.io/region";
    private const string ZoneLabel = "topology.kubernetes.io/zone";
    private const string SubZoneLabel = "topology.istio.io/subzone";

    private int Rank(ServiceEndpoint endpoint)
    {
        var labels = LabelRank(endpoint);
        var isByPlace = _settings.IsZoneAware || _settings.FailoverPriority.IsEmpty || !_settings.Failover.IsEmpty;
        return isByPlace ? (labels * Places) + PlaceRank(endpoint.Locality) : labels;
    }

    // A label counts only while all before it match.
    private int LabelRank(ServiceEndpoint endpoint)
    {
        for (var i = 0; i < _settings.FailoverPriority.Length; i++)
        {
            var words = _settings.FailoverPriority[i].Split('=');
            var wanted = words.Length == 2 ? words[1] : Value(words[0], _place.Locality, _place.Labels);
            if (wanted != Value(words[0], endpoint.Locality, endpoint.Labels))
            {
                return _settings.FailoverPriority.Length - i;
            }
        }

        return 0;
    }

    private int PlaceRank(WorkloadLocality endpoint)
    {
        var own = _place.Locality;
        if (own.Region == (endpoint.Region ?? ""))
        {
            return _settings.IsZoneAware ? 0 : own.Zone != (endpoint.Zone ?? "") ? 2 : own.SubZone != (endpoint.SubZone ?? "") ? 1 : 0;
        }

        var next = _settings.Failover.FirstOrDefault(failover => failover.From == own.Region);
        return next is null || next.To == endpoint.Region ? OtherRegion : LastRegion;
    }

    private static string Value(string label, WorkloadLocality locality, IReadOnlyDictionary<string, string> labels) => label switch
    {
        RegionLabel => locality.Region ?? "",
        ZoneLabel => locality.Zone ?? "",
        SubZoneLabel => locality.SubZone ?? "",
        _ => labels.TryGetValue(label, out var value) ? value : "",
    };
}
