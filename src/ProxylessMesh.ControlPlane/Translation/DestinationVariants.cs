using System.Collections.Concurrent;
using System.Collections.Immutable;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Protos;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// The clusters and endpoints of a service for callers to whom a DestinationRule is special, or whose place decides which endpoints
/// come first. They have the names of everybody else's: what a name holds depends on who asks. Made when first asked for, then shared by
/// all callers of whom the same is true. Thread safe.
/// </summary>
/// <param name="facts">What the rules ask of callers.</param>
/// <param name="countsPlace">The caller's place counts.</param>
/// <param name="labels">Labels of callers that are part of their place.</param>
/// <param name="translate">Makes them for a class of callers at a place.</param>
internal sealed class DestinationVariants(ImmutableArray<CallerFact> facts, bool countsPlace, ImmutableArray<string> labels, Func<CallerClass, CallerPlace, ServiceClusters> translate)
{
    // More classes than a mesh has; a client that makes names up only costs itself time.
    private const int MaxKept = 1024;

    private readonly ConcurrentDictionary<string, Made> _made = new(StringComparer.Ordinal);

    /// <summary>What a caller has under a name; null: what everybody else has, or nothing.</summary>
    public XdsResource? Find(RouteAudience audience, string typeUrl, string name)
    {
        var place = countsPlace ? CallerPlace.Of(audience, labels) : CallerPlace.Unknown;
        var callers = CallerClass.Of(audience, facts);
        if (callers.Facts.IsEmpty && place.Key.Length == 0)
        {
            return null;
        }

        var key = $"{string.Join(';', callers.Facts)}@{place.Key}";
        if (!_made.TryGetValue(key, out var made))
        {
            made = new Made(translate(callers, place));
            made = _made.Count < MaxKept ? _made.GetOrAdd(key, made) : made;
        }

        return made.Find(typeUrl, name);
    }

    private sealed class Made(ServiceClusters clusters)
    {
        private readonly Dictionary<string, XdsResource> _clusters = clusters.Clusters.ToDictionary(cluster => cluster.Name, StringComparer.Ordinal);
        private readonly Dictionary<string, XdsResource> _endpoints = clusters.Endpoints.ToDictionary(endpoints => endpoints.Name, StringComparer.Ordinal);

        public XdsResource? Find(string typeUrl, string name)
            => (typeUrl == XdsTypeUrls.Cluster ? _clusters : _endpoints).GetValueOrDefault(name);
    }
}
