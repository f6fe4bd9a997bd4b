using System.Collections.Frozen;
using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests;

/// <summary>All manifests of a mesh at one moment, by kind, in reading order. Immutable; valid as a whole when it comes from <c>ManifestReader</c>.</summary>
public sealed class ManifestSet
{
    /// <summary>No manifests.</summary>
    public static readonly ManifestSet Empty = new([]);

    private readonly FrozenDictionary<(ManifestKind Kind, string Namespace, string Name), Manifest> _byName;

    private readonly FrozenDictionary<string, ServiceEntryManifest> _entries;
    private readonly ImmutableArray<(string Suffix, ServiceEntryManifest Entry)> _wildcardEntries;

    /// <summary>Makes a set; of two manifests with the same kind, namespace and name, the first counts.</summary>
    public ManifestSet(IEnumerable<Manifest> manifests)
    {
        ArgumentNullException.ThrowIfNull(manifests);
        var byName = new Dictionary<(ManifestKind, string, string), Manifest>();
        All = [.. manifests.Where(manifest => byName.TryAdd((manifest.Kind, manifest.Namespace, manifest.Name), manifest)).OrderBy(manifest => manifest.Order)];
        _byName = byName.ToFrozenDictionary();
        Services = [.. All.OfType<ServiceManifest>()];
        HttpRoutes = [.. All.OfType<HttpRouteManifest>()];
        GrpcRoutes = [.. All.OfType<GrpcRouteManifest>()];
        BackendTlsPolicies = [.. All.OfType<BackendTlsPolicyManifest>()];
        AuthorizationPolicies = [.. All.OfType<AuthorizationPolicyManifest>()];
        PeerAuthentications = [.. All.OfType<PeerAuthenticationManifest>()];
        RequestAuthentications = [.. All.OfType<RequestAuthenticationManifest>()];
        DestinationRules = [.. All.OfType<DestinationRuleManifest>()];
        VirtualServices = [.. All.OfType<VirtualServiceManifest>()];
        Sidecars = [.. All.OfType<SidecarManifest>()];
        ServiceEntries = [.. All.OfType<ServiceEntryManifest>()];
        WorkloadEntries = [.. All.OfType<WorkloadEntryManifest>()];
        _entries = ServiceEntries.SelectMany(entry => entry.Hosts.Select(host => (Host: HostNames.Resolve(host, entry.Namespace), Entry: entry)))
            .DistinctBy(entry => entry.Host).ToFrozenDictionary(entry => entry.Host, entry => entry.Entry, StringComparer.Ordinal);
        _wildcardEntries = [.. ServiceEntries.SelectMany(entry => entry.Hosts.Where(host => host.StartsWith('*')).Select(host => (Suffix: host[1..], Entry: entry))).OrderByDescending(entry => entry.Suffix.Length)];
        MeshTrafficPolicies = [.. All.OfType<MeshTrafficPolicyManifest>()];
        InboundLimits = [.. All.OfType<InboundLimitsManifest>()];
        FaultExperiments = [.. All.OfType<FaultExperimentManifest>()];
        MeshConfig = All.OfType<MeshConfigManifest>().FirstOrDefault() ?? MeshConfigManifest.Default;
        WorkloadIdentities = [.. All.OfType<WorkloadIdentityManifest>()];
        FederatedTrustDomains = [.. All.OfType<FederatedTrustDomainManifest>()];
    }

    /// <summary>Every manifest, in reading order.</summary>
    public ImmutableArray<Manifest> All { get; }

    /// <summary>The Services.</summary>
    public ImmutableArray<ServiceManifest> Services { get; }

    /// <summary>The HTTPRoutes; an earlier one is the older in Gateway API's precedence.</summary>
    public ImmutableArray<HttpRouteManifest> HttpRoutes { get; }

    /// <summary>The GRPCRoutes; an earlier one is the older in Gateway API's precedence.</summary>
    public ImmutableArray<GrpcRouteManifest> GrpcRoutes { get; }

    /// <summary>The BackendTLSPolicies; of two for one Service, the earlier counts.</summary>
    public ImmutableArray<BackendTlsPolicyManifest> BackendTlsPolicies { get; }

    /// <summary>The AuthorizationPolicies.</summary>
    public ImmutableArray<AuthorizationPolicyManifest> AuthorizationPolicies { get; }

    /// <summary>The PeerAuthentications.</summary>
    public ImmutableArray<PeerAuthenticationManifest> PeerAuthentications { get; }

    /// <summary>The RequestAuthentications.</summary>
    public ImmutableArray<RequestAuthenticationManifest> RequestAuthentications { get; }

    /// <summary>The DestinationRules.</summary>
    public ImmutableArray<DestinationRuleManifest> DestinationRules { get; }

    /// <summary>The VirtualServices.</summary>
    public ImmutableArray<VirtualServiceManifest> VirtualServices { get; }

    /// <summary>The FaultExperiments.</summary>
    public ImmutableArray<FaultExperimentManifest> FaultExperiments { get; }

    /// <summary>The WorkloadIdentities.</summary>
    public ImmutableArray<WorkloadIdentityManifest> WorkloadIdentities { get; }

    /// <summary>The FederatedTrustDomains, one for a trust domain.</summary>
    public ImmutableArray<FederatedTrustDomainManifest> FederatedTrustDomains { get; }

    /// <summary>The InboundLimits.</summary>
    public ImmutableArray<InboundLimitsManifest> InboundLimits { get; }

    /// <summary>The Sidecars.</summary>
    public ImmutableArray<SidecarManifest> Sidecars { get; }

    /// <summary>The ServiceEntries; of two for one host, the earlier counts.</summary>
    public ImmutableArray<ServiceEntryManifest> ServiceEntries { get; }

    /// <summary>The WorkloadEntries.</summary>
    public ImmutableArray<WorkloadEntryManifest> WorkloadEntries { get; }

    /// <summary>The MeshTrafficPolicies, at most one for a service.</summary>
    public ImmutableArray<MeshTrafficPolicyManifest> MeshTrafficPolicies { get; }

    /// <summary>What holds for the whole mesh; <see cref="MeshConfigManifest.Default"/> where nobody wrote it.</summary>
    public MeshConfigManifest MeshConfig { get; }

    /// <summary>The manifest with these three, or null.</summary>
    public Manifest? Find(ManifestKind kind, string @namespace, string name) => _byName.GetValueOrDefault((kind, @namespace, name));

    /// <summary>The ServiceEntry of a host (as <see cref="HostNames.Resolve"/> gives it): one that names it, else the longest wildcard; null: none.</summary>
    public ServiceEntryManifest? FindEntry(string fullHost)
    {
        ArgumentNullException.ThrowIfNull(fullHost);
        return _entries.GetValueOrDefault(fullHost)
            ?? _wildcardEntries.FirstOrDefault(entry => HostNames.AsCalled(fullHost).EndsWith(entry.Suffix, StringComparison.Ordinal)).Entry;
    }

    /// <summary>The Service by its full host name, or null.</summary>
    public ServiceManifest? FindService(string fullHost)
        => HostNames.TryParse(fullHost, out var name, out var ns) ? Find(ManifestKind.Service, ns, name) as ServiceManifest : null;
}
