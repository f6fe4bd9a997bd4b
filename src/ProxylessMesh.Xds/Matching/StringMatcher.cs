using System.Text.RegularExpressions;

namespace ProxylessMesh.Xds.Matching;

/// <summary>One <c>envoy.type.matcher.v3.StringMatcher</c>. <c>ignore_case</c> has no effect on a regex, as Envoy documents.</summary>
internal abstract record StringMatcher
{
    public abstract bool Matches(ReadOnlySpan<char> text);

    /// <summary>The same without regard to case.</summary>
    public abstract StringMatcher IgnoringCase();

    /// <summary>Whether all texts that begin with <paramref name="start"/> match (true), none does (false), or some may (null).</summary>
    public virtual bool? OfAllWith(string start) => null;

    public static StringMatcher Exact(string expected, bool ignoreCase = false) => new ExactMatcher(expected, CaseRule(ignoreCase));

    public static StringMatcher Prefix(string prefix, bool ignoreCase = false) => new PrefixMatcher(prefix, CaseRule(ignoreCase));

    public static StringMatcher Suffix(string suffix, bool ignoreCase = false) => new SuffixMatcher(suffix, CaseRule(ignoreCase));

    public static StringMatcher Contains(string part, bool ignoreCase = false) => new ContainsMatcher(part, CaseRule(ignoreCase));

    /// <summary>Matches the whole text, in time linear to it, as RE2 does.</summary>
    /// <exception cref="ArgumentException">The pattern does not compile.</exception>
    /// <exception cref="NotSupportedException">The pattern needs backtracking (a lookaround, a back reference).</exception>
    public static StringMatcher Regex(string pattern)
        => new RegexMatcher(new Regex($@"\A(?:{pattern})\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant));

    private static StringComparison CaseRule(bool ignoreCase)
        => ignoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;

    private sealed record ExactMatcher(string Expected, StringComparison Comparison) : StringMatcher
    {
        public override StringMatcher IgnoringCase() => this with { Comparison = StringComparison.OrdinalIgnoreCase };

        public override bool Matches(ReadOnlySpan<char> text) => text.Equals(Expected, Comparison);

        public override bool? OfAllWith(string start) => Expected.StartsWith(start, Comparison) ? null : false;

        public override string ToString() => $"exact '{Expected}'";
    }

    private sealed record PrefixMatcher(string Expected, StringComparison Comparison) : StringMatcher
    {
        public override StringMatcher IgnoringCase() => this with { Comparison = StringComparison.OrdinalIgnoreCase };

        public override bool Matches(ReadOnlySpan<char> text) => text.StartsWith(Expected, Comparison);

        public override bool? OfAllWith(string start) => start.StartsWith(Expected, Comparison) ? true : Expected.StartsWith(start, Comparison) ? null : false;

        public override string ToString() => $"prefix '{Expected}'";
    }

    private sealed record SuffixMatcher(string Expected, StringComparison Comparison) : StringMatcher
    {
        public override StringMatcher IgnoringCase() => this with { Comparison = StringComparison.OrdinalIgnoreCase };

        public override bool Matches(ReadOnlySpan<char> text) => text.EndsWith(Expected, Comparison);

        public override string ToString() => $"suffix '{Expected}'";
    }

    private sealed record ContainsMatcher(string Expected, StringComparison Comparison) : StringMatcher
    {
        public override StringMatcher IgnoringCase() => this with { Comparison = StringComparison.OrdinalIgnoreCase };

        public override bool Matches(ReadOnlySpan<char> text) => text.Contains(Expected, Comparison);

        public override bool? OfAllWith(string start) => start.Contains(Expected, Comparison) ? true : null;

        public override string ToString() => $"contains '{Expected}'";
    }

    private sealed record RegexMatcher(Regex Expression) : StringMatcher
    {
        public override StringMatcher IgnoringCase() => new RegexMatcher(new Regex(Expression.ToString(), Expression.Options | RegexOptions.IgnoreCase));

        public override bool Matches(ReadOnlySpan<char> text) => Expression.IsMatch(text);

        public override string ToString() => $"regex '{Expression}'";

        public bool Equals(RegexMatcher? other) => other is not null && other.Expression.ToString() == Expression.ToString() && other.Expression.Options == Expression.Options;

        public override int GetHashCode() => Expression.ToString().GetHashCode(StringComparison.Ordinal);
    }
}
