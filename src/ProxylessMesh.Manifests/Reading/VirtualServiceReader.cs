using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads Istio's <c>VirtualService</c>.</summary>
internal static class VirtualServiceReader
{
    public static VirtualServiceManifest? Read(YamlMap document, ManifestHeader header)
    {
        if (document.Required("spec", "Write 'spec:' with 'hosts:' and 'http:' below it")?.Map() is not { } spec)
        {
            return null;
        }

        var service = new VirtualServiceManifest
        {
            Name = header.Name,
            Hosts = ReadHosts(spec, header),
            Http = spec.List("http", route => ReadRoute(route, header)),
        };
        if (service.Http.IsEmpty)
        {
            spec.Fail("it has no routes", "Write 'http:' with a list of routes");
        }

        ExportTo.Read(spec);
        if (spec.Field("gateways") is { Node: not ListNode { Items: [ScalarNode { Text: "mesh" }] } } gateways)
        {
            gateways.Fail("gateways are not supported yet", "Write '[mesh]', or remove the field");
        }

        spec.NotYet("tls", "tcp");
        spec.End();
        return service;
    }

    private static ImmutableArray<string> ReadHosts(YamlMap spec, ManifestHeader header)
    {
        const string cure = "Write 'hosts:' with the services whose calls are routed";
        if (spec.Field("hosts") is null or { Node: ListNode { Items.IsEmpty: true } })
        {
            spec.Fail("it names no hosts; a VirtualService for others to delegate to is not supported yet", cure);
        }

        ImmutableArray<string> hosts = [.. spec.Texts("hosts", TextRules.HostOrWildcard).Select(host => HostNames.Resolve(host, header.Namespace))];
        foreach (var twice in hosts.GroupBy(host => host).Where(group => group.Count() > 1))
        {
            spec.Field("hosts")?.Fail($"host '{twice.Key}' is named twice", "Name it once");
        }

        foreach (var (host, wildcard) in hosts.SelectMany(host => hosts.Where(other => Covers(other, host)).Select(other => (host, other))))
        {
            spec.Field("hosts")?.Fail($"'{wildcard}' covers '{host}' already", "Keep one of the two");
        }

        return hosts;
    }

    private static bool Covers(string wildcard, string host)
        => wildcard.StartsWith('*') && wildcard != host && host.EndsWith(wildcard[1..], StringComparison.Ordinal);

    private static VirtualServiceRoute ReadRoute(YamlMap map, ManifestHeader header)
    {
        var (request, response) = HeaderModifiers.ReadIstio(map);
        var route = new VirtualServiceRoute
        {
            Name = map.Text("name", TextRules.NotEmpty) ?? "",
            Matches = map.List("match", VirtualServiceMatchReader.Read),
            Destinations = ReadDestinations(map, header),
            Fault = VirtualServiceFaultReader.Read(map.Map("fault")),
            Timeout = map.Duration("timeout", DurationSyntax.Istio),
            Retries = VirtualServiceRetriesReader.Read(map.Map("retries")),
            RequestHeaders = request,
            ResponseHeaders = response,
        };
        map.NotYet("redirect", "directResponse", "delegate", "rewrite", "mirror", "mirrors", "mirrorPercent", "mirrorPercentage", "mirror_percent", "corsPolicy");
        map.End();
        return route;
    }

    private static ImmutableArray<VirtualServiceDestination> ReadDestinations(YamlMap map, ManifestHeader header)
    {
        const string cure = "Write 'route:' with '- destination:' and its 'host'";
        if (map.Field("route") is not { } field)
        {
            if (!map.Has("redirect") && !map.Has("directResponse") && !map.Has("delegate"))
            {
                map.Fail("the route leads nowhere", cure);
            }

            return [];
        }

        if (field.Node is ListNode { Items.IsEmpty: true })
        {
            field.Fail("the list is empty", cure);
        }

        var destinations = map.List("route", destination => ReadDestination(destination, header));
        if (destinations.Length == 1)
        {
            // A single destination gets every call, whatever its weight.
            return [destinations[0] with { Weight = 100 }];
        }

        if (destinations.Length > 1 && destinations.Sum(destination => (long)destination.Weight) == 0)
        {
            field.Fail("the weights add up to 0", "Give at least one destination a 'weight' over 0");
        }

        return destinations;
    }

    private static VirtualServiceDestination ReadDestination(YamlMap map, ManifestHeader header)
    {
        var (request, response) = HeaderModifiers.ReadIstio(map);
        var destination = new VirtualServiceDestination
        {
            Host = "",
            Weight = map.Integer("weight", 0, 1_000_000) ?? 0,
            RequestHeaders = request,
            ResponseHeaders = response,
        };
        if (map.Required("destination", "Write 'destination:' with 'host:' below it")?.Map() is { } target)
        {
            destination = destination with
            {
                Host = HostNames.Resolve(target.RequiredText("host", TextRules.Host, "Write the service, such as 'catalog'"), header.Namespace),
                Subset = target.Text("subset", TextRules.DnsLabel),
                Port = ReadPort(target.Map("port")),
            };
            target.End();
        }

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
