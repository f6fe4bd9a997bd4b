using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// What a port of a workload accepts, by Istio's precedence: its port in the policy with a selector, that policy, the namespace, the
/// mesh; UNSET passes on to the next. Of several policies of one width the older counts. A selector in the root namespace selects
/// nothing, as in Istio.
/// </summary>
internal static class MtlsModes
{
    public static MtlsMode Of(ManifestSet manifests, Workload workload, int port)
    {
        PeerAuthenticationManifest? mesh = null, ofNamespace = null, ofWorkload = null;
        foreach (var policy in manifests.PeerAuthentications)
        {
            var isRoot = policy.Namespace == HostNames.RootNamespace;
            if (policy.Selector.IsEmpty && isRoot)
            {
                mesh ??= policy;
            }
            else if (policy.Selector.IsEmpty && policy.Namespace == workload.Namespace)
            {
                ofNamespace ??= policy;
            }
            else if (!isRoot && policy.Namespace == workload.Namespace && policy.Selector.Selects(workload.Labels))
            {
                ofWorkload ??= policy;
            }
        }

        ReadOnlySpan<MtlsMode> narrowestFirst =
        [
            ofWorkload?.PortLevel.GetValueOrDefault(port) ?? MtlsMode.Unset,
            ofWorkload?.Mode ?? MtlsMode.Unset,
            ofNamespace?.Mode ?? MtlsMode.Unset,
            mesh?.Mode ?? MtlsMode.Unset,
        ];
        foreach (var mode in narrowestFirst)
        {
            if (mode != MtlsMode.Unset)
            {
                return mode;
            }
        }

        return MtlsMode.Permissive;
    }
}
