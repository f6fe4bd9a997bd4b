using System.Text.RegularExpressions;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Xds.Resources;

/// <summary>How a path is changed. The query stays.</summary>
internal abstract record PathRewriteConfig;

/// <summary>The whole path becomes this (<c>path_redirect</c>). It may carry a query, which then replaces the caller's.</summary>
internal sealed record FullPathRewriteConfig(string Path) : PathRewriteConfig;

/// <summary>The part that the route's prefix (or whole path) matched becomes this (<c>prefix_rewrite</c>).</summary>
internal sealed record PrefixRewriteConfig(string Replacement) : PathRewriteConfig;

/// <summary>Every match becomes the substitution, in which <c>\1</c> is the first group (<c>regex_rewrite</c>).</summary>
internal sealed record RegexRewriteConfig(Regex Pattern, string Substitution) : PathRewriteConfig;

/// <summary>How the authority is changed: to <paramref name="Literal"/>, or, where that is null, to the endpoint's own host name (<c>auto_host_rewrite</c>, gRFC A81).</summary>
internal sealed record HostRewriteConfig(string? Literal);

/// <summary>A copy of a share of the calls goes to <paramref name="Cluster"/>; nobody waits for its answer.</summary>
internal sealed record MirrorConfig(string Cluster, FractionMatcher Fraction);

/// <summary>One part of a call's hash.</summary>
/// <param name="Kind">What is hashed.</param>
/// <param name="Name">Header, cookie or query parameter; lower case for headers.</param>
/// <param name="Terminal">With a hash so far, the policies after this one are not looked at.</param>
internal sealed record HashPolicyConfig(HashPolicyKind Kind, string Name, bool Terminal = false)
{
    /// <summary>For headers: applied to the value first (<c>regex_rewrite</c>).</summary>
    public RegexRewriteConfig? HeaderRewrite { get; init; }

    /// <summary>For cookies: a missing one is made and sent back with this lifetime (zero: for the session); null: it is not made.</summary>
    public TimeSpan? CookieTtl { get; init; }

    /// <summary>For cookies that are made.</summary>
    public string CookiePath { get; init; } = "";
}

/// <summary>What a <see cref="HashPolicyConfig"/> hashes.</summary>
internal enum HashPolicyKind
{
    Header,
    Cookie,
    QueryParameter,

    /// <summary>The caller's address: one value for this process.</summary>
    SourceIp,

    /// <summary><c>filter_state</c> with the key <c>io.grpc.channel_id</c> (gRFC A42): one value for this process.</summary>
    Channel,
}
