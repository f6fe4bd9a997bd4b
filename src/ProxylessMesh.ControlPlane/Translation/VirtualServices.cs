using System.Collections.Immutable;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// The VirtualServices that route calls inside the mesh, with the routes of their delegates in place. Istio does not merge those of one
/// host: the most specific host counts; of equal ones that of the callers' own namespace, then one exported to it, then one for everybody;
/// and of those the oldest.
/// </summary>
internal sealed class VirtualServices
{
    private readonly ImmutableArray<VirtualServiceManifest> _all;

    public VirtualServices(ManifestSet manifests)
    {
        var delegates = new VirtualServiceDelegates(manifests);
        _all = [.. manifests.VirtualServices.Where(candidate => candidate is { IsForMesh: true, IsDelegate: false }).Select(delegates.Resolve).Where(resolved => !resolved.Http.IsEmpty)];
    }

    /// <summary>All of them, in reading order.</summary>
    public ImmutableArray<VirtualServiceManifest> All => _all;

    /// <summary>Every one that has a host which matches, for whichever callers.</summary>
    public ImmutableArray<VirtualServiceManifest> For(string host)
        => [.. _all.Where(candidate => HostPatterns.MostSpecific(candidate.Hosts, host) is not null)];

    /// <summary>The one that counts for these callers; null: none does.</summary>
    public VirtualServiceManifest? For(string host, CallerClass callers)
        => For(host)
            .Where(candidate => IsVisible(candidate, callers))
            .OrderByDescending(candidate => HostPatterns.Specificity(HostPatterns.MostSpecific(candidate.Hosts, host)!))
            .ThenBy(candidate => Distance(candidate, callers))
            .FirstOrDefault();

    /// <summary>What the VirtualServices for a host ask of callers.</summary>
    public IEnumerable<CallerFact> Facts(string host)
        => For(host).SelectMany(candidate => VirtualServiceTranslator.Facts(candidate).Concat(
            IsForEverybody(candidate) ? [] : candidate.ExportTo.Select(CallerFact.Namespace)));

    private static bool IsForEverybody(VirtualServiceManifest candidate) => candidate.ExportTo.Contains("*");

    private static bool IsVisible(VirtualServiceManifest candidate, CallerClass callers)
        => IsForEverybody(candidate) || candidate.ExportTo.Any(callers.IsIn);

    private static int Distance(VirtualServiceManifest candidate, CallerClass callers)
    {
        if (IsForEverybody(candidate))
        {
            return 2;
        }

        return candidate.ExportTo.Contains(candidate.Namespace) && callers.IsIn(candidate.Namespace) ? 0 : 1;
    }
}
