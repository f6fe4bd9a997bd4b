using System.Collections.Immutable;
using ProxylessMesh.Manifests;

namespace ProxylessMesh.Tool.Explain;

/// <summary>A call by a workload, of which somebody wants to know where it goes.</summary>
internal sealed record RouteQuestion
{
    public required ManifestSet Manifests { get; init; }

    public string Service { get; init; } = "client";

    public string Namespace { get; init; } = HostNames.DefaultNamespace;

    /// <summary>The caller's labels besides <c>app</c>.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    public HttpMethod Method { get; init; } = HttpMethod.Get;

    public required Uri Url { get; init; }

    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    public bool IsGrpc { get; init; }
}
