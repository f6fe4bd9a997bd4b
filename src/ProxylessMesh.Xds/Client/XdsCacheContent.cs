using System.Collections.Immutable;
using Google.Protobuf;

namespace ProxylessMesh.Xds.Client;

/// <summary>Resources and names known to be missing: what a last known good snapshot holds, in and out of an <see cref="XdsClient"/>.</summary>
internal sealed record XdsCacheContent
{
    /// <summary>Accepted resources.</summary>
    public ImmutableArray<CachedResource> Present { get; init; } = [];

    /// <summary>Names that are known not to exist.</summary>
    public ImmutableArray<ResourceKey> Missing { get; init; } = [];
}

/// <summary>One resource as it stood on the wire; <c>Value</c> is its own bytes, those inside of its <c>Any</c>.</summary>
internal sealed record CachedResource(ResourceKey Key, string Version, ByteString Value);

/// <summary>A resource's type URL and name.</summary>
internal readonly record struct ResourceKey(string TypeUrl, string Name);
