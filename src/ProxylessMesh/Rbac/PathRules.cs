using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Rbac;

/// <summary>Conditions on the path.</summary>
internal static class PathRules
{
    /// <param name="matcher">What it must be.</param>
    /// <param name="keepsOut">A match leads towards a denial: every spelling counts (<see cref="PathSpellings"/>).</param>
    public static RbacRule Text(StringMatcher matcher, bool keepsOut) => keepsOut ? new SpellingsRule<TextTest>(new TextTest(matcher.IgnoringCase())) : new PathRule<TextTest>(new TextTest(matcher));

    public static RbacRule Template(UriTemplate template, bool keepsOut)
        => keepsOut ? new SpellingsRule<TemplateTest>(new TemplateTest(template.IgnoringCase())) : new PathRule<TemplateTest>(new TemplateTest(template));

    private readonly struct TextTest(StringMatcher matcher) : IPathTest
    {
        public bool Matches(ReadOnlySpan<char> path) => matcher.Matches(path);
    }

    private readonly struct TemplateTest(UriTemplate template) : IPathTest
    {
        public bool Matches(ReadOnlySpan<char> path) => template.Matches(path);
    }

    private sealed class PathRule<TTest>(TTest test) : RbacRule
        where TTest : struct, IPathTest
    {
        public override bool Matches(in RbacInput input) => test.Matches(input.Path);
    }

    private sealed class SpellingsRule<TTest>(TTest test) : RbacRule
        where TTest : struct, IPathTest
    {
        public override bool Matches(in RbacInput input) => PathSpellings.Matches(input.Path, test);
    }
}
