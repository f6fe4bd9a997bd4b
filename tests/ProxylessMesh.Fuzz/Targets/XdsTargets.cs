using System.Collections.Frozen;
using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Admission;
using ProxylessMesh.Snapshots;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Client;
using ProxylessMesh.Xds.Resources;
using static ProxylessMesh.Fuzz.FuzzTargets;

namespace ProxylessMesh.Fuzz;

/// <summary>What a control plane sends, ours or a stranger's: each type, and the response around them.</summary>
internal static class XdsTargets
{
    // Tags and lengths that make a message another one: groups, endless varints, nested messages of themselves.
    private static readonly byte[][] ProtoWords = [[0x0A, 0x00], [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x07], [0x12, 0x02, 0x0A, 0x00], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], [0x0B], [0x0C], [0x08, 0x80, 0x80, 0x80, 0x80, 0x10], [0x1A, 0x04, 0x1A, 0x02, 0x1A, 0x00], .. Words("*", "", ".*", "(a+)+$", "[", "%s", "/")];

    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        .. ResourceType.All.Select(static type => new FuzzTarget($"xds-{type.Noun}", Seeds(type), bytes => Resource(type, bytes)) { Words = ProtoWords }),
        new("xds-response", [Response().ToByteArray()], StateOfTheWorld) { Words = ProtoWords },
        new("xds-delta", [Delta().ToByteArray()], DeltaResponse) { Words = ProtoWords },
    ];

    private static bool Resource(ResourceType type, byte[] bytes)
    {
        var decoded = type.Decode(ByteString.CopyFrom(bytes), FrozenSet.Create("default"));
        Must(decoded.Error is null || decoded.Error.Length > 0, "A resource is refused without a word.");
        Must(decoded.Config is not null == decoded.Error is null, "A refused resource has a config, or a good one has none.");
        if (decoded.Config is ListenerConfig { Api: null } listener)
        {
            // What decodes, compiles. Routes by name come from another resource.
            using var pool = new AdmissionPool(TimeProvider.System);
            if (listener.FilterChains.All(static chain => chain.Http.InlineRoutes is not null) && listener.DefaultFilterChain is not { Http.InlineRoutes: null })
            {
                new InboundCompiler(pool, TimeProvider.System).Compile(new InboundConfig { Name = listener.Name, Listener = listener });
            }
        }

        return decoded.Config is not null;
    }

    private static bool StateOfTheWorld(byte[] bytes)
    {
        if (!DocumentTargets.TryParse(DiscoveryResponse.Parser, bytes, out var response))
        {
            return false;
        }

        var type = ResourceType.Find(response.TypeUrl);
        var reader = new ResourceReader(type, response.TypeUrl, FrozenSet.Create("default")).ReadAll(response.Resources, response.VersionInfo);
        return reader.NamelessErrors.IsEmpty && type is not null;
    }

    private static bool DeltaResponse(byte[] bytes)
    {
        if (!DocumentTargets.TryParse(DeltaDiscoveryResponse.Parser, bytes, out var response))
        {
            return false;
        }

        var type = ResourceType.Find(response.TypeUrl);
        var reader = new ResourceReader(type, response.TypeUrl, FrozenSet.Create("default")).ReadAll(response.Resources);
        return reader.NamelessErrors.IsEmpty && type is not null;
    }

    private static DiscoveryResponse Response() => new()
    {
        TypeUrl = ResourceType.Clusters.TypeUrl,
        VersionInfo = "1",
        Nonce = "n",
        Resources = { Seeds(ResourceType.Clusters).Select(static seed => new Any { TypeUrl = ResourceType.Clusters.TypeUrl, Value = ByteString.CopyFrom(seed) }) },
    };

    private static DeltaDiscoveryResponse Delta() => new()
    {
        TypeUrl = ResourceType.Clusters.TypeUrl,
        Nonce = "n",
        RemovedResources = { "gone" },
        Resources = { Response().Resources.Select(static (any, at) => new Resource { Name = $"r{at}", Version = "1", Resource_ = any }) },
    };

    private static byte[][] Seeds(ResourceType type) => [.. ManifestTargets.Sets.SelectMany(ManifestTargets.Translate).Where(resource => resource.Type == type).Select(static resource => resource.Bytes.ToByteArray()).DistinctBy(Convert.ToBase64String)];
}
