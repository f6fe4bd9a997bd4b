using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using Envoy.Config.Listener.V3;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;
using ProxylessMesh.Protos;

namespace ProxylessMesh.ControlPlane.Xds;

/// <summary>
/// Finds what a node means by a name. Listeners are named as applications call hosts, looked up in the node's own namespace, or as a
/// server listens; all other resources have one name. Clusters and endpoints may hold something else under it for some callers. What was made once for a name is shared by everyone who asks in the same way.
/// </summary>
internal sealed class NodeResources
{
    private const int MaxOutboundNames = 100_000;

    // Addresses that one process listens on.
    private const int MaxInboundNames = 64;

    private readonly ConcurrentDictionary<(string Requested, string RouteName), XdsResource> _outbound = new();
    private readonly ConditionalWeakTable<Workload, InboundListeners> _inbound = [];

    /// <summary>The lookup of one node.</summary>
    public ResourceLookup For(AdsNode node) => (snapshot, typeUrl, name) => Find(snapshot, node, typeUrl, name);

    public XdsResource? Find(XdsSnapshot snapshot, AdsNode node, string typeUrl, string name)
    {
        if (typeUrl is XdsTypeUrls.Cluster or XdsTypeUrls.ClusterLoadAssignment)
        {
            return snapshot.FindDestination(typeUrl, name, AudienceOf(snapshot, node));
        }

        if (typeUrl != XdsTypeUrls.Listener)
        {
            return snapshot.TryGet(typeUrl, name, out var resource) ? resource : null;
        }

        return InboundName.TryParse(name, out var inbound) ? Inbound(snapshot, node, name, inbound) : Outbound(snapshot, AudienceOf(snapshot, node), name);
    }

    /// <summary>What is known of the caller: from its registration, else from its certificate and what it says of itself.</summary>
    private static RouteAudience AudienceOf(XdsSnapshot snapshot, AdsNode node)
        => RegistrationOf(snapshot, node) is { } workload
            ? new RouteAudience { Namespace = workload.Namespace, ServiceAccount = workload.ServiceAccount, Labels = workload.Labels, Locality = workload.Locality }
            : new RouteAudience { Namespace = node.Namespace, ServiceAccount = AdsNode.ServiceAccountOf(node.Identity) ?? "", Labels = node.ClaimedLabels, Locality = node.ClaimedLocality };

    // The node id is a claim, the certificate decides.
    private static Workload? RegistrationOf(XdsSnapshot snapshot, AdsNode node)
        => node.Identity is not null && snapshot.Workloads.ByInstance.TryGetValue(node.Id, out var workload) && workload.Id == node.Identity ? workload : null;

    private XdsResource? Outbound(XdsSnapshot snapshot, RouteAudience audience, string requested)
    {
        var sidecar = snapshot.Sidecars.For(audience.Namespace, audience.Labels);
        if (snapshot.Names.Canonical(requested, audience.Namespace) is not { } canonical || !Sees(snapshot, sidecar, canonical))
        {
            return Beyond(snapshot, sidecar, requested);
        }

        // It depends on nothing but its two names. A service without a manifest takes any port: hence the bound.
        var routeName = snapshot.RouteNameFor(canonical, audience);
        return Made(requested, routeName, () => ListenerTranslator.Outbound(requested, routeName));
    }

    private static bool Sees(XdsSnapshot snapshot, SidecarManifest? sidecar, string canonical)
    {
        var colon = canonical.LastIndexOf(':');
        var host = canonical[..colon];
        return SidecarScopes.Sees(sidecar, host, snapshot.Names.NamespaceOf(host) ?? "", int.Parse(canonical.AsSpan(colon + 1), CultureInfo.InvariantCulture));
    }

    // What a client does not see is not in its mesh. No listener: the call goes out, or is refused, as the client is set up.
    private XdsResource? Beyond(XdsSnapshot snapshot, SidecarManifest? sidecar, string requested)
    {
        if (sidecar?.EgressProxy is { } proxy)
        {
            var cluster = snapshot.Sidecars.Cluster(proxy).Name;
            return Made(requested, cluster, () => ListenerTranslator.Beyond(requested, cluster));
        }

        return sidecar?.IsRegistryOnly == true ? Made(requested, "", () => ListenerTranslator.Beyond(requested, null)) : null;
    }

    private XdsResource Made(string requested, string leadsTo, Func<Listener> make)
    {
        if (_outbound.TryGetValue((requested, leadsTo), out var resource))
        {
            return resource;
        }

        resource = XdsResource.Create(requested, make());
        return _outbound.Count < MaxOutboundNames ? _outbound.GetOrAdd((requested, leadsTo), resource) : resource;
    }

    // Its policies are for the workload alone.
    private XdsResource? Inbound(XdsSnapshot snapshot, AdsNode node, string requested, InboundName name)
    {
        if (RegistrationOf(snapshot, node) is not { } workload)
        {
            return null;
        }

        var listeners = _inbound.GetValue(workload, static _ => new InboundListeners());
        return listeners.GetOrMake(snapshot.Manifests, snapshot.Revoked, requested, () => XdsResource.Create(requested, InboundTranslator.Translate(snapshot.Manifests, workload, requested, name, snapshot.Revoked)));
    }

    /// <summary>The listeners of one workload by the manifests of this moment.</summary>
    private sealed class InboundListeners
    {
        private readonly Dictionary<string, XdsResource> _byName = new(StringComparer.Ordinal);
        private ManifestSet? _manifests;
        private IReadOnlyList<string>? _revoked;

        public XdsResource GetOrMake(ManifestSet manifests, IReadOnlyList<string> revoked, string name, Func<XdsResource> make)
        {
            lock (_byName)
            {
                if (!ReferenceEquals(_manifests, manifests) || !ReferenceEquals(_revoked, revoked) || _byName.Count >= MaxInboundNames)
                {
                    (_manifests, _revoked) = (manifests, revoked);
                    _byName.Clear();
                }

                if (!_byName.TryGetValue(name, out var resource))
                {
                    _byName.Add(name, resource = make());
                }

                return resource;
            }
        }
    }
}
