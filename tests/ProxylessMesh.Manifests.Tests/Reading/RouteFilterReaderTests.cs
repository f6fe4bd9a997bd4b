using ProxylessMesh.Manifests.Kinds;
using static ProxylessMesh.Manifests.Tests.ReadManifests;

namespace ProxylessMesh.Manifests.Tests.Reading;

public sealed class RouteFilterReaderTests
{
    private const string Parent = "parentRefs: [{ group: \"\", kind: Service, name: catalog }]\n";

    private static string Spec(string rule) => Parent + $"rules:\n- {rule}\n";

    private static HttpRouteRule Rule(string rule) => Assert.Single(Valid<HttpRouteManifest>(Document(ManifestKind.HttpRoute, "catalog", Spec(rule))).Rules);

    [Fact]
    public void A_redirect_has_all_its_parts_and_defaults()
    {
        Assert.Equal(
            new RequestRedirect { Scheme = "https", Host = "shop.example", Port = 8443, Path = new PathModifier(true, "/new"), Status = 308 },
            Rule("{ matches: [{ path: { value: /old } }], filters: [{ type: RequestRedirect, requestRedirect: { scheme: https, hostname: shop.example, port: 8443, path: { type: ReplacePrefixMatch, replacePrefixMatch: /new }, statusCode: 308 } }] }").Filters.Redirect);
        Assert.Equal(new RequestRedirect { Status = 302 }, Rule("{ filters: [{ type: RequestRedirect, requestRedirect: {} }] }").Filters.Redirect);
    }

    [Fact]
    public void Mirrors_are_as_many_as_are_written_with_their_shares()
    {
        var mirrors = Rule(
            """
            { backendRefs: [{ name: catalog, port: 80 }], filters: [
                { type: RequestMirror, requestMirror: { backendRef: { name: a, port: 80 } } },
                { type: RequestMirror, requestMirror: { backendRef: { name: b, namespace: bank, port: 81 }, percent: 0 } },
                { type: RequestMirror, requestMirror: { backendRef: { name: c, port: 80 }, fraction: { numerator: 3, denominator: 1000 } } },
                { type: RequestMirror, requestMirror: { backendRef: { name: d, port: 80 }, fraction: { numerator: 3 } } }] }
            """).Filters.Mirrors;

        Assert.Equal(
            [("a.shop.svc.cluster.local", 100, 100), ("b.bank.svc.cluster.local", 0, 100), ("c.shop.svc.cluster.local", 3, 1000), ("d.shop.svc.cluster.local", 3, 100)],
            mirrors.Select(mirror => (mirror.Backend.Host, mirror.Numerator, mirror.Denominator)));
    }

    [Fact]
    public void Filters_of_a_backend_are_its_own()
    {
        var rule = Rule("{ backendRefs: [{ name: catalog, port: 80, filters: [{ type: URLRewrite, urlRewrite: { hostname: a.example, path: { type: ReplaceFullPath, replaceFullPath: /x } } }] }] }");

        Assert.Equal(new UrlRewrite { Host = "a.example", Path = new PathModifier(false, "/x") }, Assert.Single(rule.Backends).Filters.Rewrite);
        Assert.Null(rule.Filters.Rewrite);
    }

    [Fact]
    public void A_cross_origin_policy_is_read_whole()
    {
        var cors = Rule(
            """
            { backendRefs: [{ name: catalog, port: 80 }], filters: [{ type: CORS, cors: { allowOrigins: ["https://*.a.example:8443", "http://*"], allowMethods: [GET], allowHeaders: ["*"],
              exposeHeaders: [x-a], allowCredentials: true, maxAge: 9 } }] }
            """).Filters.Cors!;

        Assert.Equal(["https://*.a.example:8443", "http://*"], cors.AllowOrigins);
        Assert.Equal(("GET", "*", "x-a", true, 9), (Assert.Single(cors.AllowMethods), Assert.Single(cors.AllowHeaders), Assert.Single(cors.ExposeHeaders), cors.AllowCredentials, cors.MaxAgeSeconds));
    }

    [Theory]
    [InlineData("{ type: Cookie, cookie: { name: s } }", true, "s", 0)]
    [InlineData("{ cookie: { name: s, lifetimeType: Permanent }, absoluteTimeout: 1h }", true, "s", 3600)]
    [InlineData("{ sessionName: s, cookieConfig: { lifetimeType: Permanent }, absoluteTimeout: 1h }", true, "s", 3600)]
    [InlineData("{ type: Header, header: { name: x-s } }", false, "x-s", 0)]
    [InlineData("{ type: Header, sessionName: x-s }", false, "x-s", 0)]
    public void Both_forms_of_session_persistence_are_taken(string session, bool isCookie, string name, int seconds)
        => Assert.Equal(
            new SessionPersistence { IsCookie = isCookie, Name = name, AbsoluteTimeout = seconds > 0 ? TimeSpan.FromSeconds(seconds) : null },
            Rule($"{{ backendRefs: [{{ name: catalog, port: 80 }}], sessionPersistence: {session} }}").Session);

    [Theory]
    [InlineData("filters: [{ type: RequestRedirect, requestRedirect: { scheme: ftp } }]", "filters[0].requestRedirect.scheme", "not a known word")]
    [InlineData("filters: [{ type: RequestRedirect, requestRedirect: { statusCode: 304 } }]", "filters[0].requestRedirect.statusCode", "not a status of a redirect")]
    [InlineData("filters: [{ type: RequestRedirect, requestRedirect: { hostname: '*.a' } }]", "filters[0].requestRedirect.hostname", "not a host name")]
    [InlineData("filters: [{ type: RequestRedirect, requestRedirect: {} }, { type: URLRewrite, urlRewrite: {} }]", "filters", "exclude each other")]
    [InlineData("filters: [{ type: RequestRedirect, requestRedirect: {} }], backendRefs: [{ name: catalog, port: 80 }]", "backendRefs", "goes to no backend")]
    [InlineData("filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplaceFullPath, replacePrefixMatch: /a } } }]", "filters[0].urlRewrite.path.replacePrefixMatch", "the type is ReplaceFullPath")]
    [InlineData("filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplaceFullPath, replaceFullPath: '/a b' } } }]", "filters[0].urlRewrite.path.replaceFullPath", "cannot stand in a request")]
    [InlineData("matches: [{ path: { type: Exact, value: /a } }], filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /a } } }]", "", "exactly one match with a PathPrefix")]
    [InlineData("filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: a } } }]", "filters[0].requestMirror.backendRef.port", "missing")]
    [InlineData("filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: a, port: 80 }, fraction: { numerator: 2, denominator: 1 } } }]", "filters[0].requestMirror.fraction.numerator", "more than the denominator")]
    [InlineData("filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: a, port: 80 }, percent: 101 } }]", "filters[0].requestMirror.percent", "out of range")]
    [InlineData("filters: [{ type: CORS, cors: { allowOrigins: [shop.example] } }]", "filters[0].cors.allowOrigins[0]", "not an origin")]
    [InlineData("filters: [{ type: CORS, cors: { allowOrigins: ['https://a.example:0'] } }]", "filters[0].cors.allowOrigins[0]", "not an origin")]
    [InlineData("filters: [{ type: CORS, cors: { allowOrigins: ['*', 'https://a.example'] } }]", "filters[0].cors.allowOrigins", "stands beside")]
    [InlineData("filters: [{ type: CORS, cors: { allowMethods: [get] } }]", "filters[0].cors.allowMethods[0]", "not a method")]
    [InlineData("filters: [{ type: CORS, cors: { maxAge: 0 } }]", "filters[0].cors.maxAge", "out of range")]
    [InlineData("sessionPersistence: { cookie: { name: s, lifetimeType: Permanent } }", "sessionPersistence", "for how long")]
    [InlineData("sessionPersistence: { type: Header, cookie: { name: s } }", "sessionPersistence.cookie", "the type is Header")]
    [InlineData("sessionPersistence: { cookie: { name: 'a b' } }", "sessionPersistence.cookie.name", "not a header name")]
    [InlineData("sessionPersistence: { cookie: { name: s }, idleTimeout: 1h }", "sessionPersistence.idleTimeout", "not supported yet")]
    public void Bad_filters_are_refused_with_their_place(string rule, string field, string problem)
    {
        var path = field.Length == 0 ? "spec.rules[0]" : $"spec.rules[0].{field}";

        var error = Assert.Single(Read(Document(ManifestKind.HttpRoute, "catalog", Spec($"{{ {rule} }}"))).Errors, error => error.Field == path);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Limits_of_the_standard_hold()
    {
        static string Repeat(string item, int count) => string.Join(", ", Enumerable.Range(0, count).Select(i => item.Replace("#", i.ToString(null as IFormatProvider), StringComparison.Ordinal)));

        Assert.Contains("16 backends", Invalid(Document(ManifestKind.HttpRoute, "catalog", Spec($"{{ backendRefs: [{Repeat("{ name: c#, port: 80 }", 17)}] }}"))).Problem, StringComparison.Ordinal);
        Assert.Contains("128 matches", Invalid(Document(ManifestKind.HttpRoute, "catalog", Parent + $"rules: [{Repeat($"{{ matches: [{Repeat("{ method: GET }", 43)}], backendRefs: [{{ name: c, port: 80 }}] }}", 3)}]")).Problem, StringComparison.Ordinal);
        Assert.Contains("16 filters", Invalid(Document(ManifestKind.HttpRoute, "catalog", Spec($"{{ backendRefs: [{{ name: c, port: 80 }}], filters: [{Repeat("{ type: RequestMirror, requestMirror: { backendRef: { name: m, port: 80 } } }", 17)}] }}"))).Problem, StringComparison.Ordinal);
        Assert.Contains("more than 16", Invalid(Document(ManifestKind.HttpRoute, "catalog", Spec($"{{ backendRefs: [{{ name: c, port: 80 }}], filters: [{{ type: RequestHeaderModifier, requestHeaderModifier: {{ remove: [{Repeat("h#", 17)}] }} }}] }}"))).Problem, StringComparison.Ordinal);
    }
}
