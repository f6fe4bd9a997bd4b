using System.Net;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>What fits together in a <c>ServiceEntry</c>, resolution by resolution, as Istio has it.</summary>
internal static class ServiceEntryRules
{
    public static void Check(YamlMap spec, ServiceEntryManifest entry)
    {
        CheckSelector(spec, entry);
        CheckResolution(spec, entry);
        for (var i = 0; i < entry.Endpoints.Length; i++)
        {
            CheckEndpoint(spec, entry, i);
        }

        foreach (var partial in entry.Hosts.Where(host => host.StartsWith('*') && !host.StartsWith("*.", StringComparison.Ordinal)))
        {
            spec.Field("hosts")?.Warn($"'{partial}' also matches other domains that end so", $"Write '*.{partial[1..]}'");
        }

        if (entry.Ports.IsEmpty && entry.Hosts.Length > 0)
        {
            spec.Errors.Add(spec.Node.At, spec.Path, null, "it has no ports, so nobody can call it", "Write 'ports:' with the ports that applications call", ManifestErrorSeverity.Warning);
        }

        if (!entry.Addresses.IsEmpty)
        {
            spec.Aside("addresses")?.Warn("calls are found by name, so addresses have no effect", "Remove them, or call the host by its name");
        }
    }

    private static void CheckSelector(YamlMap spec, ServiceEntryManifest entry)
    {
        if (entry.WorkloadSelector is null)
        {
            return;
        }

        if (spec.Has("endpoints"))
        {
            spec.Fail("'workloadSelector' and 'endpoints' exclude each other", "Keep one of the two");
        }

        if (entry.Resolution == ServiceEntryResolution.None)
        {
            spec.Field("workloadSelector")?.Warn("with resolution NONE nobody is selected", "Write 'resolution: STATIC'");
        }
    }

    private static void CheckResolution(YamlMap spec, ServiceEntryManifest entry)
    {
        var wildcards = entry.Hosts.Count(host => host.StartsWith('*'));
        var isByName = entry.Resolution is ServiceEntryResolution.Dns or ServiceEntryResolution.DnsRoundRobin;
        if (isByName && wildcards > 0 && entry.Endpoints.IsEmpty && entry.WorkloadSelector is null)
        {
            spec.Field("hosts")?.Fail("a wildcard cannot be looked up", "Write 'endpoints:', or 'resolution: DYNAMIC_DNS' to look up the name that is called");
        }

        if (entry.Resolution is ServiceEntryResolution.None or ServiceEntryResolution.DynamicDns && spec.Has("endpoints"))
        {
            spec.Field("endpoints")?.Fail("with this resolution calls go to the name that is called", "Write 'resolution: STATIC' or 'DNS', or remove the endpoints");
        }

        if (entry.Resolution == ServiceEntryResolution.DnsRoundRobin && entry.Endpoints.Length > 1)
        {
            spec.Field("endpoints")?.Fail("DNS_ROUND_ROBIN is for one name", "Write 'resolution: DNS', or keep one endpoint");
        }

        if (isByName && entry.Addresses.Any(address => address.Contains('/', StringComparison.Ordinal)))
        {
            spec.Aside("addresses")?.Fail("ranges are for NONE and STATIC", "Write single addresses, or remove them");
        }

        if (entry.Resolution == ServiceEntryResolution.DynamicDns)
        {
            CheckDynamic(spec, entry, wildcards);
        }
    }

    private static void CheckDynamic(YamlMap spec, ServiceEntryManifest entry, int wildcards)
    {
        if (wildcards < entry.Hosts.Length)
        {
            spec.Field("hosts")?.Fail("DYNAMIC_DNS is for wildcards", "Write 'resolution: DNS' for a host with a name of its own");
        }

        if (!entry.Addresses.IsEmpty)
        {
            spec.Aside("addresses")?.Fail("with DYNAMIC_DNS the name that is called is looked up", "Remove the addresses");
        }

        if (entry.IsMeshInternal)
        {
            spec.Field("location")?.Fail("DYNAMIC_DNS is for hosts outside the mesh", "Write 'location: MESH_EXTERNAL'");
        }

        if (entry.Ports.Any(port => port.Protocol is "TCP" or "UDP" or "MONGO" or "REDIS" or "MYSQL"))
        {
            spec.Field("ports")?.Fail("DYNAMIC_DNS needs to see the name that is called, which plain TCP does not tell", "Use HTTP, HTTP2, GRPC, HTTPS or TLS");
        }
    }

    private static void CheckEndpoint(YamlMap spec, ServiceEntryManifest entry, int index)
    {
        var endpoint = entry.Endpoints[index];
        var field = new YamlField(((ListNode)spec.Field("endpoints")!.Value.Node).Items[index], $"{spec.Path}.endpoints[{index}]", spec.Errors);
        if (entry.Resolution == ServiceEntryResolution.Static && endpoint.Address.Length > 0 && !IPAddress.TryParse(endpoint.Address, out _))
        {
            field.Fail($"'{endpoint.Address}' is a name, and STATIC looks nothing up", "Write an IP address, or 'resolution: DNS'");
        }

        foreach (var name in endpoint.Ports.Keys.Where(name => entry.Ports.All(port => port.Name != name)))
        {
            field.Fail($"the entry has no port '{name}'", $"Write one of {string.Join(", ", entry.Ports.Select(port => port.Name))}");
        }
    }
}
