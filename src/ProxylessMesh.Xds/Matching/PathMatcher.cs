namespace ProxylessMesh.Xds.Matching;

/// <summary>The path part of <c>envoy.config.route.v3.RouteMatch</c>: exact, prefix, separated prefix or regex.</summary>
internal abstract record PathMatcher
{
    public abstract bool Matches(ReadOnlySpan<char> path);

    /// <summary>How much of a path that matches was asked for: the prefix, or all of it. That part is what a prefix rewrite replaces.</summary>
    public virtual int MatchedLength(ReadOnlySpan<char> path) => path.Length;

    public static PathMatcher Text(StringMatcher matcher) => new TextMatcher(matcher);

    public static PathMatcher Exact(string path, bool ignoreCase = false) => new TextMatcher(StringMatcher.Exact(path, ignoreCase));

    public static PathMatcher Prefix(string prefix, bool ignoreCase = false)
        => new PrefixMatcher(prefix, ignoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal);

    public static PathMatcher Regex(string pattern) => new TextMatcher(StringMatcher.Regex(pattern));

    /// <summary><c>/a</c> matches <c>/a</c> and <c>/a/b</c> but not <c>/ab</c> (Gateway API's PathPrefix).</summary>
    public static PathMatcher SeparatedPrefix(string prefix, bool ignoreCase = false)
        => new SeparatedPrefixMatcher(prefix, ignoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal);

    private sealed record TextMatcher(StringMatcher Matcher) : PathMatcher
    {
        public override bool Matches(ReadOnlySpan<char> path) => Matcher.Matches(path);

        public override string ToString() => Matcher.ToString();
    }

    private sealed record PrefixMatcher(string Expected, StringComparison Comparison) : PathMatcher
    {
        public override bool Matches(ReadOnlySpan<char> path) => path.StartsWith(Expected, Comparison);

        public override int MatchedLength(ReadOnlySpan<char> path) => Expected.Length;

        public override string ToString() => $"prefix '{Expected}'";
    }

    private sealed record SeparatedPrefixMatcher(string Expected, StringComparison Comparison) : PathMatcher
    {
        public override bool Matches(ReadOnlySpan<char> path)
            => path.StartsWith(Expected, Comparison) && (path.Length == Expected.Length || path[Expected.Length] == '/');

        public override int MatchedLength(ReadOnlySpan<char> path) => Expected.Length;

        public override string ToString() => $"path segments '{Expected}'";
    }
}
