using System.Reflection;
using Envoy.Config.Core.V3;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Options;

namespace ProxylessMesh.Client.Workloads;

/// <summary>This process as the control plane knows it: the node of its ADS stream and the instance of its registration are one.</summary>
internal sealed class MeshNode(IOptions<MeshOptions> options)
{
    /// <summary>What this version can carry out; the control plane flags policy that a node does not announce.</summary>
    public static readonly IReadOnlyList<string> Features =
    [
        "outlier.consecutive", "retry", "timeout", "fault", "weights", "header-operations", "circuit-breaker.max-requests", "locality-weights",
        "endpoint-weights", "priority-spill", "panic-threshold", "drop-overload", "ring-hash", "maglev", "weighted-round-robin", "peak-ewma", "pick-first", "slow-start",
        "zone-aware", "subsets", "aggregate-clusters", "call-summaries",
    ];

    private readonly MeshOptions _options = options.Value;

    /// <summary>Unique per process.</summary>
    public string InstanceId { get; } = $"{options.Value.Service}.{options.Value.Namespace}~{Guid.NewGuid():N}";

    public static string LibraryVersion { get; } =
        typeof(MeshNode).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    public Locality Locality => new() { Region = _options.Locality.Region, Zone = _options.Locality.Zone, SubZone = _options.Locality.SubZone };

    public Node ToNode() => new()
    {
        Id = InstanceId,
        Cluster = _options.Service,
        Locality = Locality,
        UserAgentName = "proxylessmesh",
        UserAgentVersion = LibraryVersion,
        ClientFeatures = { "envoy.lb.does_not_support_overprovisioning", "xds.config.resource-in-sotw" },
        Metadata = new Struct
        {
            Fields =
            {
                ["NAMESPACE"] = Value.ForString(_options.Namespace),
                ["SERVICE_ACCOUNT"] = Value.ForString(_options.ServiceAccount),
                ["SERVICE"] = Value.ForString(_options.Service),
                ["LABELS"] = Value.ForStruct(LabelStruct()),
                ["LIBRARY_VERSION"] = Value.ForString(LibraryVersion),
                ["FEATURES"] = Value.ForList([.. Features.Select(Value.ForString)]),
            },
        },
    };

    private Struct LabelStruct()
    {
        var labels = new Struct();
        foreach (var (name, value) in _options.Labels)
        {
            labels.Fields[name] = Value.ForString(value);
        }

        labels.Fields["app"] = Value.ForString(_options.Service);
        if (_options.Version.Length > 0)
        {
            labels.Fields["version"] = Value.ForString(_options.Version);
        }

        return labels;
    }
}
