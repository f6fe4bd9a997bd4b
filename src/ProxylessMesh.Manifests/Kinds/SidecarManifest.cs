using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>What the workloads of a namespace may see of the mesh, and what happens to calls beyond (Istio <c>Sidecar</c>).</summary>
public sealed record SidecarManifest : Manifest
{
    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.Sidecar;

    /// <summary><c>workloadSelector</c>; empty: every workload of the namespace, or, in the root namespace, of those that have no Sidecar.</summary>
    public ImmutableSortedDictionary<string, string> Selector { get; init; } = LabelSet.Empty;

    /// <summary>What may be seen, by port; empty: everything.</summary>
    public ImmutableArray<SidecarEgress> Egress { get; init; } = [];

    /// <summary>Ports that the application serves elsewhere.</summary>
    public ImmutableArray<SidecarIngress> Ingress { get; init; } = [];

    /// <summary><c>outboundTrafficPolicy.mode: REGISTRY_ONLY</c>: calls to what is not seen are refused; otherwise they go out as if there were no mesh.</summary>
    public bool IsRegistryOnly { get; init; }

    /// <summary>Where calls to what is not seen go instead; null: out.</summary>
    public VirtualServiceDestination? EgressProxy { get; init; }
}

/// <summary>The hosts that may be called on a port.</summary>
/// <param name="Port">Null: every port that no other entry names. 0: a socket of a proxy, which nobody calls.</param>
/// <param name="Hosts">At least one.</param>
public sealed record SidecarEgress(int? Port, ImmutableArray<EgressHost> Hosts);

/// <summary>Hosts of a namespace: <c>shop/catalog.shop.svc.cluster.local</c>, <c>*/*</c>, <c>~shop/*</c>.</summary>
/// <param name="Namespace">The namespace that the host's manifest is in; <c>*</c>: any.</param>
/// <param name="Host">A name, <c>*.suffix</c>, or <c>*</c>.</param>
/// <param name="IsExcluded">With <c>~</c>: these are not seen, whatever else is written.</param>
public sealed record EgressHost(string Namespace, string Host, bool IsExcluded);

/// <summary>A port of the workload that its application serves under another number.</summary>
/// <param name="Port">The port that callers aim at.</param>
/// <param name="TargetPort">The port of the application.</param>
public sealed record SidecarIngress(int Port, int TargetPort);
