namespace ProxylessMesh.Manifests;

/// <summary>A kind of manifest: the two words a document starts with. Compared by value.</summary>
/// <param name="ApiVersion"><c>apiVersion</c>, such as <c>gateway.networking.k8s.io/v1</c>.</param>
/// <param name="Name"><c>kind</c>, such as <c>HTTPRoute</c>.</param>
public sealed record ManifestKind(string ApiVersion, string Name)
{
    /// <summary>A name and its ports.</summary>
    public static readonly ManifestKind Service = new("v1", "Service");

    /// <summary>A namespace; its labels.</summary>
    public static readonly ManifestKind Namespace = new("v1", "Namespace");

    /// <summary>Gateway API: routing and weights for calls to a Service.</summary>
    public static readonly ManifestKind HttpRoute = new("gateway.networking.k8s.io/v1", "HTTPRoute");

    /// <summary>Gateway API: the same for gRPC calls.</summary>
    public static readonly ManifestKind GrpcRoute = new("gateway.networking.k8s.io/v1", "GRPCRoute");

    /// <summary>Gateway API: leave to refer across namespaces.</summary>
    public static readonly ManifestKind ReferenceGrant = new("gateway.networking.k8s.io/v1", "ReferenceGrant");

    /// <summary>Gateway API: TLS towards backends that are no workloads of the mesh.</summary>
    public static readonly ManifestKind BackendTlsPolicy = new("gateway.networking.k8s.io/v1", "BackendTLSPolicy");

    /// <summary>Texts that other manifests refer to.</summary>
    public static readonly ManifestKind ConfigMap = new("v1", "ConfigMap");

    /// <summary>Istio: who may call whom.</summary>
    public static readonly ManifestKind AuthorizationPolicy = new("security.istio.io/v1", "AuthorizationPolicy");

    /// <summary>Istio: whether callers must use mTLS.</summary>
    public static readonly ManifestKind PeerAuthentication = new("security.istio.io/v1", "PeerAuthentication");

    /// <summary>Istio: which end-user tokens are taken.</summary>
    public static readonly ManifestKind RequestAuthentication = new("security.istio.io/v1", "RequestAuthentication");

    /// <summary>Istio: what happens on the way to a host after routing.</summary>
    public static readonly ManifestKind DestinationRule = new("networking.istio.io/v1", "DestinationRule");

    /// <summary>Istio: routing with faults.</summary>
    public static readonly ManifestKind VirtualService = new("networking.istio.io/v1", "VirtualService");

    /// <summary>Istio: hosts outside the mesh, and hosts inside that do not join.</summary>
    public static readonly ManifestKind ServiceEntry = new("networking.istio.io/v1", "ServiceEntry");

    /// <summary>Istio: a workload that does not join.</summary>
    public static readonly ManifestKind WorkloadEntry = new("networking.istio.io/v1", "WorkloadEntry");

    /// <summary>Ours: what no standard kind can say about the calls for a service.</summary>
    public static readonly ManifestKind MeshTrafficPolicy = new("mesh.proxyless.dev/v1alpha1", "MeshTrafficPolicy");

    /// <summary>Ours: how much a workload takes at once, and from whom.</summary>
    public static readonly ManifestKind InboundLimits = new("mesh.proxyless.dev/v1alpha1", "InboundLimits");

    /// <summary>Ours: faults on calls to a service, for a time.</summary>
    public static readonly ManifestKind FaultExperiment = new("mesh.proxyless.dev/v1alpha1", "FaultExperiment");

    /// <summary>Ours: which processes of a machine are which service account.</summary>
    public static readonly ManifestKind WorkloadIdentity = new("mesh.proxyless.dev/v1alpha1", "WorkloadIdentity");

    /// <summary>Ours, in SPIRE's words: another trust domain and where its bundle comes from.</summary>
    public static readonly ManifestKind FederatedTrustDomain = new("mesh.proxyless.dev/v1alpha1", "FederatedTrustDomain");

    /// <summary>Istio: what of the mesh the workloads of a namespace see.</summary>
    public static readonly ManifestKind Sidecar = new("networking.istio.io/v1", "Sidecar");

    /// <summary>Ours, in Istio's words: what holds for the whole mesh.</summary>
    public static readonly ManifestKind MeshConfig = new("mesh.proxyless.dev/v1alpha1", "MeshConfig");

    /// <summary>Every kind that this version reads.</summary>
    public static IReadOnlyList<ManifestKind> All { get; } =
        [Service, Namespace, ConfigMap, HttpRoute, GrpcRoute, ReferenceGrant, BackendTlsPolicy, AuthorizationPolicy, PeerAuthentication, RequestAuthentication, DestinationRule, VirtualService, Sidecar, ServiceEntry, WorkloadEntry, MeshTrafficPolicy, InboundLimits, FaultExperiment, MeshConfig, WorkloadIdentity, FederatedTrustDomain];

    /// <summary><c>kind</c> with its <c>apiVersion</c>.</summary>
    public override string ToString() => $"{Name} ({ApiVersion})";
}
