using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Validation;

/// <summary>
/// The VirtualServices that others delegate to. One that is not there leaves its route out, as in Istio: a warning, because files of
/// different teams come one after the other.
/// </summary>
internal static class DelegateReferences
{
    public static IEnumerable<ManifestError> Find(ReadDocument document, VirtualServiceManifest root, ManifestSet all)
    {
        for (var i = 0; i < root.Http.Length; i++)
        {
            if (root.Http[i].Delegate is { } reference && Check(root, reference, all) is var (problem, cure))
            {
                yield return document.Finding($"spec.http[{i}].delegate.name", $"{problem}, so this route is left out", cure, ManifestErrorSeverity.Warning);
            }
        }
    }

    private static (string Problem, string Cure)? Check(VirtualServiceManifest root, DelegateReference reference, ManifestSet all)
    {
        var name = $"VirtualService {reference.Namespace}/{reference.Name}";
        return all.Find(ManifestKind.VirtualService, reference.Namespace, reference.Name) switch
        {
            VirtualServiceManifest { IsDelegate: false } => ($"{name} has hosts of its own", "Name one without 'hosts'"),
            VirtualServiceManifest found when !found.IsVisibleIn(root.Namespace) => ($"{name} is not exported to namespace '{root.Namespace}'", "Add the namespace to its 'exportTo'"),
            VirtualServiceManifest => null,
            _ => ($"no {name} is written", "Check the spelling, or write it"),
        };
    }
}
