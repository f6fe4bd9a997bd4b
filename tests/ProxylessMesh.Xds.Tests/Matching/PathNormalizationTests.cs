using FsCheck;
using FsCheck.Fluent;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Xds.Tests.Matching;

public sealed class PathNormalizationTests
{
    // What somebody who wants to get around a rule puts together.
    private static readonly string[] Parts = ["/", "//", ".", "..", "%2e", "%2E%2e", "%2f", "%5C", "\\", "a", "%61", "%25", "%", "%4", "é", "?", "/../", "/./"];

    [Theory]
    [InlineData("/a/../../b", "/b")]
    [InlineData("/a/.", "/a/")]
    [InlineData("/a/..", "/")]
    [InlineData("/a//../b", "/a/b")]
    [InlineData(@"\a\..\b", "/b")]
    [InlineData("/%61%2Db%7e", "/a-b~")]
    [InlineData("/%2F%20", "/%2F%20")]
    [InlineData("/.%2ex", "/..x")]
    [InlineData("/%4%61", "/%4%61")]
    [InlineData("/é <", "/%C3%A9%20%3C")]
    [InlineData("/a/../b?c=/../d", "/b?c=/../d")]
    [InlineData("", "/")]
    public void Normalized(string path, string expected) => Assert.Equal(expected, PathNormalization.Normalize(path));

    [Theory]
    [InlineData("/a%00")]
    [InlineData("/a\0")]
    public void A_path_that_holds_a_zero_is_refused(string path) => Assert.Null(PathNormalization.Normalize(path));

    [Fact]
    public void What_is_normalized_stays_and_has_no_dot_segment()
        => Prop.ForAll(Gen.Elements(Parts).ArrayOf().Select(string.Concat).ToArbitrary(), static text =>
        {
            var once = PathNormalization.Normalize(text)!;
            var path = PathNormalization.RemoveQueryAndFragment(once);

            return PathNormalization.Normalize(once) == once && path.StartsWith('/') && !path.Split('/').Any(static segment => segment is "." or "..");
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Merged_paths_have_no_two_slashes_in_a_row()
        => Prop.ForAll(Gen.Elements(Parts).ArrayOf().Select(string.Concat).ToArbitrary(), static text
            => !PathNormalization.MergeSlashes(text).Split('?')[0].Contains("//", StringComparison.Ordinal)).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("/a/*", "/a/b", true)]
    [InlineData("/a/*", "/a/", false)]
    [InlineData("/a/*", "/a/b/c", false)]
    [InlineData("/a/**", "/a/b/c", true)]
    [InlineData("/{x}/b", "/a/b", true)]
    [InlineData("/{x=a/*}/b", "/a/c/b", true)]
    [InlineData("/a.b", "/acb", false)]
    [InlineData("/", "/", true)]
    public void Templates_match_segments(string template, string path, bool expected)
    {
        Assert.True(UriTemplate.TryParse(template, out var parsed, out _));

        Assert.Equal(expected, parsed.Matches(path));
    }

    [Theory]
    [InlineData("a")]
    [InlineData("/**/*")]
    [InlineData("/**/{x}")]
    [InlineData("/{x}/{x}")]
    [InlineData("/{1}")]
    [InlineData("/{x=}")]
    [InlineData("/{x=*/}")]
    [InlineData("/{x")]
    [InlineData("/*a/b")]
    [InlineData("/a*")]
    [InlineData("/a//b")]
    [InlineData("/{a}/{b}/{c}/{d}/{e}/{f}")]
    public void A_template_that_Envoy_refuses_is_refused(string template)
    {
        Assert.False(UriTemplate.TryParse(template, out _, out var error));
        Assert.NotEmpty(error);
    }
}
