using System.Text;
using FsCheck;
using FsCheck.Fluent;
using ProxylessMesh.Rbac;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;
using static ProxylessMesh.Tests.Policies;

namespace ProxylessMesh.Tests.Rbac;

public sealed class PathSpellingsTests
{
    private static readonly string[] Pieces = ["admin", "ADMIN", "Admin", "/", "//", "%2F", "%5c", "\\", ".", "..", "x", "é", "%", "%2", ""];

    [Theory]
    [InlineData("/", "/")]
    [InlineData("", "/")]
    [InlineData("//", "/")]
    [InlineData("/admin/", "/admin")]
    [InlineData("/admin//", "/admin")]
    [InlineData("//admin", "/admin")]
    [InlineData("/admin%2Fusers", "/admin/users")]
    [InlineData("/admin%5Cusers", "/admin/users")]
    [InlineData("/admin\\users", "/admin/users")]
    [InlineData("/x/../admin", "/admin")]
    [InlineData("/x%2F..%2Fadmin", "/admin")]
    [InlineData("/./admin/.", "/admin")]
    [InlineData("/../../admin", "/admin")]
    [InlineData("/a/b/..", "/a")]
    [InlineData("/...", "/...")]
    [InlineData("/100%", "/100%")]
    public void One_form_stands_for_all_spellings(string path, string simple) => Assert.Equal(simple, PathSpellings.Simplify(path, new char[path.Length + 2]).ToString());

    [Theory]
    [InlineData("/ADMIN")]
    [InlineData("/admin/")]
    [InlineData("//admin")]
    [InlineData("/Admin//")]
    [InlineData("/x/..%2Fadmin")]
    [InlineData("\\admin")]
    public void What_is_denied_is_denied_in_every_spelling(string path)
    {
        Assert.False(Decide(Deny(Policy("p", Path("/admin"), Anyone)), path));
        Assert.False(Decide(Allow(Policy("p", Not(Path("/admin")), Anyone)), path));
        Assert.False(Decide(Deny(Policy("p", new PermissionConfig.UrlPath(StringMatcher.Regex("/adm.n")), Anyone)), path));
        Assert.False(Decide(Deny(Policy("p", new PermissionConfig.Header(new HeaderMatcher { Name = ":path", Value = StringMatcher.Exact("/admin") }), Anyone)), path));
    }

    [Theory]
    [InlineData("/PUBLIC")]
    [InlineData("/public/")]
    [InlineData("//public")]
    public void What_is_allowed_is_allowed_as_it_is_written(string path)
    {
        Assert.False(Decide(Allow(Policy("p", Path("/public"), Anyone)), path));
        Assert.False(Decide(Deny(Policy("p", Not(Path("/public")), Anyone)), path));
    }

    [Theory]
    [InlineData("/admin/*", "/admin", true)]
    [InlineData("/admin/*", "/ADMIN/users", true)]
    [InlineData("/admin/**", "/Admin//users/", true)]
    [InlineData("/admin/*", "/public", false)]
    public void Templates_keep_every_spelling_out(string template, string path, bool denied)
    {
        Assert.True(UriTemplate.TryParse(template, ofDecodedPaths: true, out var parsed, out _));

        // "/admin" and "/admin/" are one to routing, but the template asks for a segment.
        Assert.Equal(denied && path != "/admin", !Decide(Deny(Policy("p", new PermissionConfig.PathTemplate(parsed), Anyone)), path));
    }

    [Theory]
    [InlineData("delete")]
    [InlineData("Delete")]
    public void Methods_that_routing_takes_for_the_same_are_the_same_to_a_denial(string method)
    {
        Assert.False(RbacCompiler.Compile([Deny(Policy("p", Method("DELETE"), Anyone))]).Decide(Requests.From("a", method)).Allowed);
        Assert.False(RbacCompiler.Compile([Allow(Policy("p", Not(Method("DELETE")), Anyone))]).Decide(Requests.From("a", method)).Allowed);
        Assert.False(RbacCompiler.Compile([Allow(Policy("p", Method("DELETE"), Anyone))]).Decide(Requests.From("a", method)).Allowed);
    }

    [Theory]
    [InlineData("catalog", true)]
    [InlineData("catalog:8080", true)]
    [InlineData("CATALOG.:80", true)]
    [InlineData("other", false)]
    public void A_host_is_denied_with_and_without_its_port(string host, bool denied)
    {
        var input = Requests.From("a", headers: []);
        var header = new PermissionConfig.Header(new HeaderMatcher { Name = ":authority", Value = StringMatcher.Exact("catalog") });
        var engine = RbacCompiler.Compile([Deny(Policy("p", header, Anyone))]);

        Assert.Equal(!denied, engine.Decide(Requests.WithHost(host)).Allowed);
        Assert.False(engine.Decide(input).Allowed);
    }

    [Fact]
    public void One_of_several_values_of_a_header_is_enough_to_deny()
    {
        var header = new PermissionConfig.Header(new HeaderMatcher { Name = "x-role", Value = StringMatcher.Exact("guest") });
        var request = Requests.From("a", headers: [("x-role", "admin"), ("x-role", "guest")]);

        Assert.False(RbacCompiler.Compile([Deny(Policy("p", header, Anyone))]).Decide(request).Allowed);
        Assert.False(RbacCompiler.Compile([Allow(Policy("p", header, Anyone))]).Decide(request).Allowed);
    }

    // Whoever gets in under a DENY with every spelling would also get in under one that compares letter by letter.
    [Fact]
    public void Spellings_never_let_more_in()
        => Prop.ForAll(
            (from pieces in Gen.Elements(Pieces).ListOf(6)
             from rule in Gen.Elements(Pieces).ListOf(3)
             select (Path: "/" + string.Concat(pieces), Rule: "/" + string.Concat(rule))).ToArbitrary(),
            static draw =>
            {
                var matches = StringMatcher.Exact(draw.Rule).Matches(draw.Path);
                return (!matches || !Decide(Deny(Policy("p", Path(draw.Rule), Anyone)), draw.Path)) && (matches || !Decide(Allow(Policy("p", Path(draw.Rule), Anyone)), draw.Path));
            }).QuickCheckThrowOnFailure();

    [Fact]
    public void Simple_forms_stay_as_they_are()
        => Prop.ForAll(
            (from pieces in Gen.Elements(Pieces).ListOf(8) select "/" + string.Concat(pieces)).ToArbitrary(),
            static path =>
            {
                var once = PathSpellings.Simplify(path, new char[path.Length + 2]).ToString();
                var expected = Reference(path);
                return once == expected;
            }).QuickCheckThrowOnFailure();

    private static string Reference(string path)
    {
        var plain = path.Replace("%2f", "/", StringComparison.OrdinalIgnoreCase).Replace("%5c", "/", StringComparison.OrdinalIgnoreCase).Replace('\\', '/');
        var segments = new List<string>();
        foreach (var segment in plain.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (segment == "..")
            {
                segments.RemoveRange(Math.Max(0, segments.Count - 1), Math.Min(1, segments.Count));
            }
            else if (segment != ".")
            {
                segments.Add(segment);
            }
        }

        return new StringBuilder("/").AppendJoin('/', segments).ToString();
    }

    private static bool Decide(RbacFilterConfig filter, string path) => RbacCompiler.Compile([filter]).Decide(Requests.From("a") with { OtherPath = path }).Allowed;
}
