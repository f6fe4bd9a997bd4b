using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>A name for workloads with its ports (core/v1 <c>Service</c>). Services also exist without a manifest, by workloads that join.</summary>
public sealed record ServiceManifest : Manifest
{
    /// <summary>Annotation with the service accounts, separated by commas, that may serve under this name besides its own.</summary>
    public const string ServiceAccountsAnnotation = "mesh.proxyless.dev/service-accounts";

    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.Service;

    /// <summary><c>spec.ports</c>; may be empty, then any port stands for a workload's first.</summary>
    public ImmutableArray<ServicePort> Ports { get; init; } = [];

    /// <summary><c>spec.selector</c>. Empty: the workloads that joined under the service's name.</summary>
    public ImmutableSortedDictionary<string, string> Selector { get; init; } = LabelSet.Empty;

    /// <summary>What <see cref="ServiceAccountsAnnotation"/> lists.</summary>
    public ImmutableArray<string> ServiceAccounts { get; init; } = [];

    /// <summary>The DNS name that it stands for (<c>type: ExternalName</c>); empty: it has workloads.</summary>
    public string ExternalName { get; init; } = "";

    /// <summary>Workloads that are not ready take calls too.</summary>
    public bool PublishesNotReadyAddresses { get; init; }

    /// <summary>A caller stays with its endpoint (<c>sessionAffinity: ClientIP</c>).</summary>
    public bool HasClientAffinity { get; init; }

    /// <summary>Endpoints near the caller come first (<c>trafficDistribution: PreferClose</c>, <c>PreferSameZone</c>).</summary>
    public bool PrefersClose { get; init; }

    /// <summary>The full name, such as <c>catalog.shop.svc.cluster.local</c>.</summary>
    public string Host => HostNames.Full(Name, Namespace);
}

/// <summary>A port of a service and where it leads.</summary>
public sealed record ServicePort
{
    /// <summary>Empty only for the single port of a service.</summary>
    public string Name { get; init; } = "";

    /// <summary>The port that callers name, 1-65535.</summary>
    public required int Port { get; init; }

    /// <summary>The port of the workload by number; null where <see cref="TargetPortName"/> names it. Default: <see cref="Port"/>.</summary>
    public int? TargetPort { get; init; }

    /// <summary>The port of the workload by name; null where it is a number.</summary>
    public string? TargetPortName { get; init; }

    /// <summary><c>appProtocol</c>, such as <c>http</c>, <c>grpc</c>, <c>kubernetes.io/h2c</c>; null: not said.</summary>
    public string? AppProtocol { get; init; }
}
