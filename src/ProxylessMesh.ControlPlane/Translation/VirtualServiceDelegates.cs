using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// Puts the routes of delegates where VirtualServices delegate to them. What the delegate's route does not say is the root's; what its
/// conditions add must lie within the root's, else the route is left out. A delegate that is not there, or not exported to the root's
/// namespace, leaves nothing in its place.
/// </summary>
internal sealed class VirtualServiceDelegates(ManifestSet manifests)
{
    public VirtualServiceManifest Resolve(VirtualServiceManifest root)
        => root.Http.All(route => route.Delegate is null) ? root : root with { Http = [.. root.Http.SelectMany(route => Resolve(root, route))] };

    private IEnumerable<VirtualServiceRoute> Resolve(VirtualServiceManifest root, VirtualServiceRoute route)
    {
        if (route.Delegate is not { } reference)
        {
            return [route];
        }

        return manifests.Find(ManifestKind.VirtualService, reference.Namespace, reference.Name) is VirtualServiceManifest { IsDelegate: true } found && found.IsVisibleIn(root.Namespace)
            ? found.Http.Where(child => child.Delegate is null).Select(child => Merge(route, child)).OfType<VirtualServiceRoute>()
            : [];
    }

    private static VirtualServiceRoute? Merge(VirtualServiceRoute root, VirtualServiceRoute child)
    {
        if (DelegateMatches.Merge(root.Matches, child.Matches) is not { } matches)
        {
            return null;
        }

        var hasHeaders = !child.RequestHeaders.IsEmpty || !child.ResponseHeaders.IsEmpty;
        return child with
        {
            Name = DelegateMatches.Join(root.Name, child.Name),
            Matches = matches,
            Rewrite = child.Rewrite ?? root.Rewrite,
            Timeout = child.Timeout ?? root.Timeout,
            Retries = child.Retries ?? root.Retries,
            Fault = child.Fault ?? root.Fault,
            Mirror = child.Mirror ?? root.Mirror,
            MirrorPercentage = child.MirrorPercentage ?? root.MirrorPercentage,
            Mirrors = child.Mirrors.IsEmpty ? root.Mirrors : child.Mirrors,
            Cors = child.Cors ?? root.Cors,
            RequestHeaders = hasHeaders ? child.RequestHeaders : root.RequestHeaders,
            ResponseHeaders = hasHeaders ? child.ResponseHeaders : root.ResponseHeaders,
        };
    }
}
