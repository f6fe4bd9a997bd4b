using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Validation;

/// <summary>
/// Routes that hide others of another kind: a GRPCRoute the HTTPRoutes of the same Service and port (GEP-1294, reason Conflicted), and a
/// VirtualService every Gateway API route of its host. Both are legal.
/// </summary>
internal static class RouteConflicts
{
    public static IEnumerable<ManifestError> Find(ReadDocument document, RouteManifest route, ManifestSet all)
    {
        foreach (var parent in route.Parents)
        {
            var path = $"spec.parentRefs[{parent.Index}].name";
            if (all.VirtualServices.FirstOrDefault(other => other.Hosts.Contains(parent.Host)) is { } virtualService)
            {
                yield return document.Finding(
                    path, $"{virtualService.DisplayName} is for {parent.Host} too, and its routes come before these", "Keep one of the two, so that nobody has to know which one wins", ManifestErrorSeverity.Warning);
            }

            if (route is HttpRouteManifest && all.GrpcRoutes.FirstOrDefault(other => other.Namespace == route.Namespace && other.Parents.Any(grpc => Overlap(grpc, parent))) is { } grpcRoute)
            {
                yield return document.Finding(
                    path, $"{grpcRoute.DisplayName} is attached to the same Service and port, where it leaves this route without effect (Conflicted)", "Give each its own 'port'", ManifestErrorSeverity.Warning);
            }
        }
    }

    private static bool Overlap(RouteParent left, RouteParent right)
        => left.Host == right.Host && Same(left.Port, right.Port) && Same(left.PortName, right.PortName);

    private static bool Same<T>(T? left, T? right) => left is null || right is null || left.Equals(right);
}
