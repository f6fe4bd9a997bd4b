using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>route</c> and the mirrors of a VirtualService's route: where calls and their copies go.</summary>
internal static class VirtualServiceDestinations
{
    public static ImmutableArray<VirtualServiceDestination> Read(YamlMap map, VirtualServiceScope scope)
    {
        if (map.Field("route") is not { } field)
        {
            return [];
        }

        if (field.Node is ListNode { Items.IsEmpty: true })
        {
            field.Fail("the list is empty", "Write '- destination:' and its 'host'");
        }

        var destinations = map.List("route", destination => ReadShare(destination, scope));
        if (destinations.Length == 1)
        {
            // A single destination gets every call, whatever its weight.
            return [destinations[0] with { Weight = 100 }];
        }

        var total = destinations.Sum(destination => (long)destination.Weight);
        if (destinations.Length > 1 && total is 0 or > uint.MaxValue)
        {
            field.Fail($"the weights add up to {total}", total == 0 ? "Give at least one destination a 'weight' over 0" : $"Their sum may be at most {uint.MaxValue}");
        }

        return destinations;
    }

    /// <summary><c>mirror</c>, <c>mirrors</c>, and what share of the calls is copied.</summary>
    public static VirtualServiceRoute AddMirrors(VirtualServiceRoute route, YamlMap map, VirtualServiceScope scope)
    {
        if (map.Has("mirror") && map.Has("mirrors"))
        {
            map.Field("mirror")?.Fail("it stands beside 'mirrors'", "Move it into the list 'mirrors'");
        }

        return route with
        {
            Mirror = map.Map("mirror") is { } mirror ? ReadDestination(mirror, scope) : null,
            Mirrors = [.. map.List("mirrors", entry => ReadMirror(entry, scope)).OfType<VirtualServiceMirror>()],
            MirrorPercentage = ReadShareOfMirror(map),
        };
    }

    private static double? ReadShareOfMirror(YamlMap map)
    {
        double? share = null;
        foreach (var old in (string[])["mirrorPercent", "mirror_percent"])
        {
            if (map.Has(old) && map.Field(old) is { } field)
            {
                field.Warn("the field is deprecated", "Write 'mirrorPercentage: { value: … }'");
                share = field.Integer(0, 100);
            }
        }

        return map.Has("mirrorPercentage") ? Percentages.Read(map, "mirrorPercentage") : share;
    }

    private static VirtualServiceMirror? ReadMirror(YamlMap map, VirtualServiceScope scope)
    {
        var destination = map.Required("destination", "Write 'destination:' with 'host:' below it")?.Map();
        var percentage = Percentages.Read(map, "percentage") ?? 100;
        map.End();
        return destination is null ? null : new VirtualServiceMirror(ReadDestination(destination, scope), percentage);
    }

    private static VirtualServiceDestination ReadShare(YamlMap map, VirtualServiceScope scope)
    {
        var (request, response) = HeaderModifiers.ReadIstio(map);
        var target = map.Required("destination", "Write 'destination:' with 'host:' below it")?.Map();
        var weight = map.Integer("weight", 0, int.MaxValue) ?? 0;
        map.End();
        return (target is null ? new VirtualServiceDestination { Host = "" } : ReadDestination(target, scope)) with
        {
            Weight = weight,
            RequestHeaders = request,
            ResponseHeaders = response,
        };
    }

    private static VirtualServiceDestination ReadDestination(YamlMap map, VirtualServiceScope scope) => ReadOne(map, scope.Namespace);

    /// <summary>Istio's <c>Destination</c>: a host with subset and port.</summary>
    public static VirtualServiceDestination ReadOne(YamlMap map, string ns, bool needsPort = false)
    {
        if (needsPort)
        {
            map.Required("port", "Write 'port:' with its 'number:'");
        }

        var destination = new VirtualServiceDestination
        {
            Host = HostNames.Resolve(map.RequiredText("host", TextRules.Host, "Write the service, such as 'catalog'"), ns),
            Subset = map.Text("subset", TextRules.DnsLabel),
            Port = ReadPort(map.Map("port")),
        };
        map.End();
        return destination;
    }

    private static int? ReadPort(YamlMap? map)
    {
        var port = map?.Required("number", "Write the service's port, such as 80")?.Integer(1, 65535);
        map?.End();
        return port;
    }
}
