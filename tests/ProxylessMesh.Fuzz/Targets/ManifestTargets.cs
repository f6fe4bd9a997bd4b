using System.Collections.Frozen;
using System.Net;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Manifests;
using ProxylessMesh.Spiffe;
using ProxylessMesh.Xds.Client;
using static ProxylessMesh.Fuzz.FuzzTargets;

namespace ProxylessMesh.Fuzz;

/// <summary>What people write. And what is valid must translate, and what it translates to must decode.</summary>
internal static class ManifestTargets
{
    private static readonly TrustDomain TrustDomain = TrustDomain.Parse("mesh.local");

    private static readonly string[] Files = [.. Directory.EnumerateFiles(Path.Combine(AppContext.BaseDirectory, "manifests"), "*.yaml").Order(StringComparer.Ordinal)];

    /// <summary>A workload of each service that the seeds name.</summary>
    public static IReadOnlyList<Workload> Workloads { get; } = [.. ((string[])["catalog", "storefront", "orders", "pricing", "payments"]).Select(static (service, at) => new Workload
    {
        InstanceId = $"{service}-1",
        Id = SpiffeId.ForServiceAccount(TrustDomain, "shop", service),
        Service = service,
        Namespace = "shop",
        ServiceAccount = service,
        Labels = new Dictionary<string, string> { ["app"] = service, ["version"] = "v1" }.ToFrozenDictionary(),
        Addresses = [IPAddress.Parse($"10.0.0.{at + 1}")],
        Ports = [new ServingPort("http", 5000, "http", TakesMeshTls: true)],
    })];

    /// <summary>The seeds as sets of manifests.</summary>
    public static IReadOnlyList<ManifestSet> Sets { get; } = [.. Files.Select(static file => ManifestReader.Read(File.ReadAllText(file), Path.GetFileName(file)).Manifests)];

    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("manifests", [.. Files.Select(File.ReadAllBytes)], Manifests)
        {
            Words = Words("\n", "  ", "- ", ": ", "? ", "{", "}", "[", "]", "&a ", "*a", "!!int ", "|\n", ">\n", "%YAML 1.2\n", "---\n", "\t", "\u0085", "\\x", "null", "1e999", "<<: ", "spec:", "rules:", "\"\\ud800\"", "{**}", "*", "spiffe://", "0s", "-1s", "STRICT", "DENY", "principals: [\"*\"]", "(a+)+$"),
            Cost = 10,
        },
    ];

    private static bool Manifests(byte[] bytes)
    {
        var reading = ManifestReader.Read(Text(bytes), "fuzz.yaml");
        foreach (var error in reading.Errors)
        {
            Must(error.ToString().StartsWith("fuzz.yaml", StringComparison.Ordinal), $"A mistake without its place: {error}");
        }

        if (!reading.IsValid)
        {
            return false;
        }

        foreach (var (type, name, resource) in Translate(reading.Manifests))
        {
            var decoded = type.Decode(resource, certificateProviders: null);
            Must(decoded.Config is not null, $"A valid manifest becomes {type.Noun} '{name}' that servers and clients refuse: {decoded.Error}");
        }

        return true;
    }

    /// <summary>Everything that the control plane would send for these manifests.</summary>
    public static IEnumerable<(ResourceType Type, string Name, Google.Protobuf.ByteString Bytes)> Translate(ManifestSet manifests)
    {
        var snapshot = new MeshTranslator(TrustDomain).Translate(manifests, Workloads);
        foreach (var (type, resources) in (IEnumerable<(ResourceType, IReadOnlyDictionary<string, XdsResource>)>)[(ResourceType.Listeners, snapshot.Listeners), (ResourceType.Routes, snapshot.Routes), (ResourceType.Clusters, snapshot.Clusters), (ResourceType.Endpoints, snapshot.Endpoints)])
        {
            foreach (var (name, resource) in resources)
            {
                yield return (type, name, resource.Bytes);
            }
        }

        foreach (var workload in Workloads)
        {
            var name = $"proxylessmesh/inbound/{workload.Addresses[0]}:5000";
            _ = InboundName.TryParse(name, out var parsed);
            yield return (ResourceType.Listeners, name, Google.Protobuf.MessageExtensions.ToByteString(InboundTranslator.Translate(manifests, workload, name, parsed!)));
        }
    }
}
