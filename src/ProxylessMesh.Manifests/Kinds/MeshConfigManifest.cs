using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>What holds for the whole mesh, in the words of Istio's <c>MeshConfig</c>. One for a mesh, in the root namespace.</summary>
public sealed record MeshConfigManifest : Manifest
{
    /// <summary>What holds where no MeshConfig is written.</summary>
    public static readonly MeshConfigManifest Default = new() { Name = "default", Namespace = HostNames.RootNamespace };

    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.MeshConfig;

    /// <summary>Other names of the mesh's own trust domain, such as the one before it was renamed: policies treat them as one.</summary>
    public ImmutableArray<string> TrustDomainAliases { get; init; } = [];

    /// <summary>What is done to paths before rules look at them.</summary>
    public PathNormalizationMode PathNormalization { get; init; } = PathNormalizationMode.Base;

    /// <summary>
    /// How many proxies in front of the mesh are trusted to append to <c>x-forwarded-for</c>; 0: none, and the caller's address
    /// (<c>remoteIpBlocks</c>, <c>remote.ip</c>) is the connection's.
    /// </summary>
    public int TrustedProxies { get; init; }

    /// <summary><c>meshMTLS.minProtocolVersion</c> is <c>TLSV1_3</c>: servers of the mesh refuse TLS 1.2.</summary>
    public bool RequiresTls13 { get; init; }

    /// <summary>Those that policies with action CUSTOM ask, by names of their own.</summary>
    public ImmutableArray<ExtensionProvider> ExtensionProviders { get; init; } = [];
}

/// <summary><c>pathNormalization.normalization</c>.</summary>
public enum PathNormalizationMode
{
    /// <summary>Nothing beyond what Kestrel does to every path.</summary>
    None,

    /// <summary>Dot segments are resolved, backslashes become slashes.</summary>
    Base,

    /// <summary>As <see cref="Base"/>; neighbouring slashes become one.</summary>
    MergeSlashes,

    /// <summary>As <see cref="MergeSlashes"/>; <c>%2F</c> and <c>%5C</c> are decoded first.</summary>
    DecodeAndMergeSlashes,

    /// <summary>As <see cref="Base"/>; calls whose path holds <c>%2F</c>, <c>%5C</c>, a backslash, an empty segment or a second layer of escapes are refused. Ours.</summary>
    Strict,
}

/// <summary>One of <c>extensionProviders</c>.</summary>
/// <param name="Name">Policies name it so.</param>
/// <param name="ExtAuthz">An authorizer that speaks Envoy's <c>ext_authz</c> over gRPC.</param>
public sealed record ExtensionProvider(string Name, ExtAuthzProvider ExtAuthz);

/// <summary><c>envoyExtAuthzGrpc</c>.</summary>
public sealed record ExtAuthzProvider
{
    /// <summary>Host of the authorizer as the root namespace writes it, or <c>namespace/host</c> resolved: always the full host.</summary>
    public required string Host { get; init; }

    /// <summary>1-65535.</summary>
    public required int Port { get; init; }

    /// <summary>How long a call waits for the answer; Istio's 600 s where none is written.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(600);

    /// <summary>A call passes where the authorizer cannot be asked. Default: it is refused.</summary>
    public bool FailOpen { get; init; }

    /// <summary>HTTP status of the refusal where the authorizer cannot be asked.</summary>
    public int StatusOnError { get; init; } = 403;

    /// <summary>The body is part of the question; null: it is not.</summary>
    public ExtAuthzBody? Body { get; init; }
}

/// <summary><c>includeRequestBodyInCheck</c>.</summary>
/// <param name="MaxRequestBytes">The longest body that is sent, 1 or more.</param>
/// <param name="AllowPartialMessage">A longer body is cut; otherwise its call is answered with 413.</param>
/// <param name="PackAsBytes">As bytes, and not as UTF-8 text.</param>
public sealed record ExtAuthzBody(int MaxRequestBytes, bool AllowPartialMessage, bool PackAsBytes);
