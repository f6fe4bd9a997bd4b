using System.Collections.Immutable;

namespace ProxylessMesh.ControlPlane.Xds;

/// <summary>What one stream has taken and refused, for people.</summary>
/// <param name="Node">Who it is; null before its first request.</param>
/// <param name="Protocol"><c>delta</c> or <c>sotw</c>.</param>
/// <param name="Peer">Its address.</param>
/// <param name="ConnectedAt">When the stream began.</param>
/// <param name="Types">The types it asked for, in the order they are sent.</param>
internal sealed record NodeStatus(AdsNode? Node, string Protocol, string Peer, DateTimeOffset ConnectedAt, ImmutableArray<TypeStatus> Types);

/// <summary>Where a stream stands with one resource type.</summary>
/// <param name="TypeUrl">The type.</param>
/// <param name="Subscribed">Names it asked for; wildcards count nothing.</param>
/// <param name="Snapshot">The last snapshot it has taken whole.</param>
/// <param name="Revision">The manifest revision of that snapshot.</param>
/// <param name="IsPending">Whether a response is unanswered.</param>
/// <param name="Nack">Why it refused the last response; null when it did not.</param>
internal sealed record TypeStatus(string TypeUrl, int Subscribed, long Snapshot, long Revision, bool IsPending, string? Nack);
