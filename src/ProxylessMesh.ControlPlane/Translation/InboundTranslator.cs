using Envoy.Config.Listener.V3;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>A server's listener: which connections it takes (PeerAuthentication) and which calls (AuthorizationPolicy).</summary>
internal static class InboundTranslator
{
    /// <summary>The listener of <paramref name="workload"/> under the name that it asked for.</summary>
    public static Listener Translate(ManifestSet manifests, Workload workload, string requestedName, InboundName name)
    {
        _ = (manifests, workload, name);
        return new Listener { Name = requestedName };
    }
}
