using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Manifests;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>Manifests and workloads become resources. The result depends on the arguments alone; what it made last is kept only to be used again.</summary>
/// <param name="trustDomain">The trust domain of the mesh's identities.</param>
internal sealed class MeshTranslator(TrustDomain trustDomain)
{
    private ServiceCatalog _catalog = new(ManifestSet.Empty);
    private ManifestSet _manifests = ManifestSet.Empty;
    private long _number;

    public XdsSnapshot Translate(ManifestSet manifests, IReadOnlyCollection<Workload> workloads)
    {
        if (!ReferenceEquals(manifests, _manifests))
        {
            (_manifests, _catalog) = (manifests, new ServiceCatalog(manifests));
        }

        _ = trustDomain;
        return new XdsSnapshot { Number = ++_number, Names = new ListenerNames(_catalog.Services(workloads)) };
    }
}
