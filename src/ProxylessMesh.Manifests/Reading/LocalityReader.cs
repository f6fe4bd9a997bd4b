using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>localityLbSetting</c> and <c>zoneAwareLbSetting</c>, which exclude each other.</summary>
internal static class LocalityReader
{
    private static readonly string[] PlaceLabels = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"];

    // Nothing here knows on which machine, in which network or in which cluster a workload runs.
    private static readonly string[] UnknownLabels = ["kubernetes.io/hostname", "topology.istio.io/network", "topology.istio.io/cluster"];

    public static LocalitySettings? Read(YamlMap loadBalancer)
    {
        var byPlace = loadBalancer.Map("localityLbSetting");
        var byZone = loadBalancer.Map("zoneAwareLbSetting");
        if (byPlace is not null && byZone is not null)
        {
            loadBalancer.Fail("'localityLbSetting' and 'zoneAwareLbSetting' exclude each other", "Keep one of the two");
        }

        return byPlace is not null ? ReadPlaces(byPlace) : byZone is not null ? ReadZones(byZone) : null;
    }

    private static LocalitySettings ReadPlaces(YamlMap map)
    {
        var settings = ReadFailover(map) with { Distribute = map.List("distribute", ReadShares) };
        if (!settings.Distribute.IsEmpty && (!settings.Failover.IsEmpty || !settings.FailoverPriority.IsEmpty))
        {
            map.Fail("'distribute' excludes 'failover' and 'failoverPriority'", "Keep the shares or the order");
        }

        CheckOverlap(map, "distribute", settings.Distribute.Select(shares => shares.From));
        map.End();
        return settings;
    }

    private static LocalitySettings ReadZones(YamlMap map)
    {
        var settings = ReadFailover(map) with { IsZoneAware = true, MinClusterSize = map.Integer("minClusterSize", 1, int.MaxValue) };
        map.End();
        return settings;
    }

    private static LocalitySettings ReadFailover(YamlMap map)
    {
        var settings = new LocalitySettings
        {
            IsEnabled = map.Field("enabled")?.Boolean() ?? true,
            Failover = map.List("failover", ReadRegions),
            FailoverPriority = map.Texts("failoverPriority", PriorityLabel),
        };
        if (!settings.Failover.IsEmpty && settings.FailoverPriority.FirstOrDefault(label => PlaceLabels.Contains(label.Split('=')[0])) is { } place)
        {
            map.Field("failoverPriority")?.Fail($"'{place}' orders by place, and so does 'failover'", "Remove one of the two");
        }

        return settings;
    }

    private static LocalityFailover ReadRegions(YamlMap map)
    {
        var failover = new LocalityFailover(
            map.RequiredText("from", Region, "Write the region of the callers"), map.RequiredText("to", Region, "Write the region that comes next"));
        if (failover.From.Length > 0 && failover.From == failover.To)
        {
            map.Fail("both are the same region", "Write two regions");
        }

        map.End();
        return failover;
    }

    private static LocalityShares ReadShares(YamlMap map)
    {
        var shares = new LocalityShares(
            map.RequiredText("from", Place, "Write the place of the callers, such as 'eu-west/zone-a/*'"),
            map.TextMap("to", Place, field => field.Integer(1, 100) ?? 0));
        if (shares.To.Values.Sum() != 100 && shares.To.Values.All(share => share > 0))
        {
            map.Fail($"the shares add up to {shares.To.Values.Sum()}", "Write percentages under 'to' that add up to 100");
        }

        CheckOverlap(map, "to", shares.To.Keys);
        map.End();
        return shares;
    }

    private static void CheckOverlap(YamlMap map, string field, IEnumerable<string> places)
    {
        var all = places.Where(place => place.Length > 0).ToImmutableArray();
        for (var i = 0; i < all.Length; i++)
        {
            for (var j = 0; j < all.Length; j++)
            {
                if (i != j && Covers(all[i], all[j]) && (i < j || !Covers(all[j], all[i])))
                {
                    map.Field(field)?.Fail($"'{all[i]}' covers '{all[j]}' already", "Keep one of the two");
                }
            }
        }
    }

    private static bool Covers(string wide, string narrow)
    {
        var (left, right) = (wide.Split('/'), narrow.Split('/'));
        for (var i = 0; i < left.Length && left[i] != "*"; i++)
        {
            if (i >= right.Length || left[i] != right[i])
            {
                return false;
            }
        }

        return true;
    }

    private static Mistake? Place(string text)
    {
        var parts = text.Split('/');
        var star = Array.IndexOf(parts, "*");
        var isWellFormed = parts.Length is > 0 and <= 3 && (star < 0 || star == parts.Length - 1) && parts.All(part => part == "*" || Region(part) is null);
        return isWellFormed ? null : new($"'{ReadingErrors.Show(text)}' is no place", "Write 'region', 'region/zone' or 'region/zone/subzone', with '*' at most in the place of the last part");
    }

    private static Mistake? Region(string text)
        => text.Length is > 0 and <= 253 && !text.AsSpan().ContainsAny("*/") ? null : new("it is not the name of a region", "Write a name without '*' and '/'");

    private static Mistake? PriorityLabel(string text)
    {
        var parts = text.Split('=');
        if (UnknownLabels.Contains(parts[0]))
        {
            return new("the mesh does not know this of a workload", "Use the labels of workloads, or topology.kubernetes.io/region, topology.kubernetes.io/zone, topology.istio.io/subzone");
        }

        return parts.Length > 2 ? new("it has more than one '='", "Write 'key' or 'key=value'")
            : TextRules.LabelKey(parts[0]) ?? (parts.Length == 2 ? TextRules.LabelValue(parts[1]) : null);
    }
}
