using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Client.Routing;

/// <summary>Where copies of a route's calls go.</summary>
/// <param name="Name">The cluster's name.</param>
/// <param name="Cluster">Null when it does not exist: nothing is copied.</param>
/// <param name="Fraction">The share of the calls.</param>
internal sealed record RouteMirror(string Name, Cluster? Cluster, FractionMatcher Fraction);
