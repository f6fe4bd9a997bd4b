using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Routing;

/// <summary>How a route changes the path of its calls, or the path that a redirect leads to (Envoy <c>prefix_rewrite</c>, <c>regex_rewrite</c>, <c>path_redirect</c>).</summary>
internal sealed class PathRewrite
{
    private readonly PathMatcher _match;
    private readonly string _text;
    private readonly RegexSubstitution? _regex;
    private readonly bool _isPrefix;

    private PathRewrite(PathMatcher match, string text, RegexSubstitution? regex, bool isPrefix)
    {
        _match = match;
        _text = text;
        _regex = regex;
        _isPrefix = isPrefix;
    }

    /// <summary>The new path has a query of its own, which takes the place of the caller's.</summary>
    public bool HasQuery => !_isPrefix && _regex is null && _text.Contains('?', StringComparison.Ordinal);

    /// <param name="config">Null: the path stays.</param>
    /// <param name="match">The route's own matcher: a prefix rewrite replaces what it asked for.</param>
    public static PathRewrite? Compile(PathRewriteConfig? config, PathMatcher match) => config switch
    {
        null => null,
        FullPathRewriteConfig full => new PathRewrite(match, full.Path, null, isPrefix: false),
        PrefixRewriteConfig prefix => new PathRewrite(match, prefix.Replacement, null, isPrefix: true),
        RegexRewriteConfig regex => new PathRewrite(match, "", new RegexSubstitution(regex), isPrefix: false),
        _ => throw new ArgumentException($"Path rewrite {config.GetType().Name} has no compiled form.", nameof(config)),
    };

    /// <param name="uri">What was called.</param>
    /// <returns>The path and query to call instead.</returns>
    public string Apply(Uri uri)
    {
        var path = uri.AbsolutePath;
        var rewritten = _regex is not null ? _regex.Apply(path)
            : _isPrefix ? string.Concat(_text, path.AsSpan(Math.Min(path.Length, _match.MatchedLength(path))))
            : _text;
        if (!HasQuery)
        {
            rewritten += uri.Query;
        }

        return rewritten.StartsWith('/') ? rewritten : "/" + rewritten;
    }
}
