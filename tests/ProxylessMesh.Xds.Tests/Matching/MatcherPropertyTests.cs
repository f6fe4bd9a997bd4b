using FsCheck;
using FsCheck.Fluent;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Xds.Tests.Matching;

/// <summary>What matchers are, said by the standard operations on text.</summary>
public class MatcherPropertyTests
{
    [Fact]
    public void Text_matchers_are_the_operations_they_are_named_after()
        => Prop.ForAll<NonNull<string>, NonNull<string>, bool>((pattern, text, ignoreCase) =>
        {
            var (p, t) = (pattern.Get, text.Get);
            var rule = ignoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
            return StringMatcher.Exact(p, ignoreCase).Matches(t) == t.Equals(p, rule)
                && StringMatcher.Prefix(p, ignoreCase).Matches(t) == t.StartsWith(p, rule)
                && StringMatcher.Suffix(p, ignoreCase).Matches(t) == t.EndsWith(p, rule)
                && StringMatcher.Contains(p, ignoreCase).Matches(t) == t.Contains(p, rule);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Escaped_text_as_a_regex_matches_that_text_and_no_longer_one()
        => Prop.ForAll<NonEmptyString, NonEmptyString>((text, more) =>
        {
            var matcher = StringMatcher.Regex(System.Text.RegularExpressions.Regex.Escape(text.Get));
            return matcher.Matches(text.Get) && !matcher.Matches(text.Get + more.Get) && !matcher.Matches(more.Get + text.Get);
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("/a", true)]
    [InlineData("/a/", true)]
    [InlineData("/a/b", true)]
    [InlineData("/ab", false)]
    [InlineData("/", false)]
    public void Separated_prefix_ends_at_a_segment(string path, bool expected) => Assert.Equal(expected, PathMatcher.SeparatedPrefix("/a").Matches(path));

    [Fact]
    public void Never_and_always_are_certain()
    {
        Assert.DoesNotContain(true, Enumerable.Range(0, 1000).Select(static _ => new FractionMatcher(0).Matches()));
        Assert.DoesNotContain(false, Enumerable.Range(0, 1000).Select(static _ => new FractionMatcher(FractionMatcher.Always).Matches()));
    }

    [Theory]
    [InlineData("a=1&b=2", "b", "2", true)]
    [InlineData("a=%41", "a", "A", true)]
    [InlineData("a=1&a=2", "a", "2", false)]
    [InlineData("ab=1", "a", "1", false)]
    [InlineData("", "a", "", false)]
    public void First_query_parameter_of_the_name_decides(string query, string name, string value, bool expected)
        => Assert.Equal(expected, new QueryParameterMatcher { Name = name, Value = StringMatcher.Exact(value) }.Matches(query));
}
