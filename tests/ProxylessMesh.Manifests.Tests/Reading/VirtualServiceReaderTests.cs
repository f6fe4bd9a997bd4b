using ProxylessMesh.Manifests.Kinds;
using static ProxylessMesh.Manifests.Tests.ReadManifests;

namespace ProxylessMesh.Manifests.Tests.Reading;

public sealed class VirtualServiceReaderTests
{
    private const string Route = "  route: [{ destination: { host: catalog } }]\n";

    [Fact]
    public void Faults_matches_retries_and_destinations_are_read()
    {
        var service = Valid<VirtualServiceManifest>(Document(ManifestKind.VirtualService, "catalog", """
            hosts: [catalog, pricing.bank]
            http:
            - match:
              - uri: { prefix: /v1 }
                ignoreUriCase: true
                headers: { x-beta: { exact: "yes" }, x-any: {} }
                queryParams: { page: { regex: "[0-9]+" } }
              fault:
                delay: { percentage: { value: 12.5 }, fixedDelay: 250ms }
                abort: { grpcStatus: UNAVAILABLE }
              route:
              - destination: { host: catalog, port: { number: 80 } }
                weight: 75
                headers: { request: { set: { x-a: b } } }
              - destination: { host: catalog.bank }
                weight: 25
              timeout: 0s
              retries: { attempts: 3, perTryTimeout: 1.5s, retryOn: "gateway-error, 503,reset" }
            """));

        Assert.Equal(["catalog.shop.svc.cluster.local", "pricing.bank.svc.cluster.local"], service.Hosts);
        var route = Assert.Single(service.Http);
        var match = Assert.Single(route.Matches);
        Assert.Equal(new StringMatch(StringMatchKind.Prefix, "/v1"), match.Uri);
        Assert.True(match.IgnoreUriCase);
        Assert.Equal([KeyValuePair.Create("x-any", (StringMatch?)null), KeyValuePair.Create("x-beta", (StringMatch?)new StringMatch(StringMatchKind.Exact, "yes"))], match.Headers);
        Assert.Equal(new FaultDelay(TimeSpan.FromMilliseconds(250), 12.5), route.Fault?.Delay);
        Assert.Equal(new FaultAbort(null, 14, 0), route.Fault?.Abort);
        Assert.Equal([("catalog.shop.svc.cluster.local", 75, (int?)80), ("catalog.bank.svc.cluster.local", 25, null)], route.Destinations.Select(to => (to.Host, to.Weight, to.Port)));
        Assert.Equal(new HeaderValue("x-a", "b"), Assert.Single(route.Destinations[0].RequestHeaders.Set));
        Assert.Equal(TimeSpan.Zero, route.Timeout);
        Assert.Equal((3, TimeSpan.FromSeconds(1.5)), (route.Retries?.Attempts, route.Retries?.PerTryTimeout));
        Assert.Equal(["gateway-error", "reset"], route.Retries?.On ?? []);
        Assert.Equal([503], route.Retries?.StatusCodes ?? []);
    }

    [Theory]
    [InlineData("fault: {}", "spec.http[0].fault", "neither a delay nor an abort")]
    [InlineData("fault: { delay: { percentage: { value: 10 } } }", "spec.http[0].fault.delay.fixedDelay", "missing")]
    [InlineData("fault: { delay: { fixedDelay: 0s } }", "spec.http[0].fault.delay.fixedDelay", "out of range")]
    [InlineData("fault: { delay: { fixedDelay: 1s, exponentialDelay: 5s } }", "spec.http[0].fault.delay.exponentialDelay", "carries it out nowhere")]
    [InlineData("fault: { delay: { fixedDelay: 1s, percent: 101 } }", "spec.http[0].fault.delay.percent", "out of range")]
    [InlineData("fault: { abort: { http2Error: X } }", "spec.http[0].fault.abort.http2Error", "carries it out nowhere")]
    [InlineData("fault: { abort: { httpStatus: 503, percentage: { value: 0.00001 } } }", "spec.http[0].fault.abort.percentage.value", "too small")]
    [InlineData("fault: { abort: { httpStatus: 503, percentage: { value: 101 } } }", "spec.http[0].fault.abort.percentage.value", "out of range")]
    [InlineData("fault: { abort: { httpStatus: 503, percentage: 50 } }", "spec.http[0].fault.abort.percentage", "a map of fields is needed")]
    [InlineData("fault: { abort: { httpStatus: 100 } }", "spec.http[0].fault.abort.httpStatus", "out of range")]
    [InlineData("fault: { abort: { httpStatus: 503, grpcStatus: INTERNAL } }", "spec.http[0].fault.abort", "exactly one")]
    [InlineData("fault: { abort: { grpcStatus: \"14\" } }", "spec.http[0].fault.abort.grpcStatus", "not a known word")]
    [InlineData("retries: { perTryTimeout: 1s }", "spec.http[0].retries.attempts", "missing")]
    [InlineData("retries: { attempts: 0, perTryTimeout: 1s }", "spec.http[0].retries.attempts", "no retries")]
    [InlineData("retries: { attempts: 1, retryOn: gateway-eror }", "spec.http[0].retries.retryOn", "no condition")]
    [InlineData("retries: { attempts: 1, retryOn: \"600,5xx\" }", "spec.http[0].retries.retryOn", "no condition")]
    [InlineData("retries: { attempts: 1, retryRemoteLocalities: true }", "spec.http[0].retries.retryRemoteLocalities", "other localities")]
    [InlineData("retries: { attempts: 101 }", "spec.http[0].retries.attempts", "out of range")]
    [InlineData("match: [{ uri: /v1 }]", "spec.http[0].match[0].uri", "a map of fields is needed")]
    [InlineData("match: [{ uri: {} }]", "spec.http[0].match[0].uri", "exactly one")]
    [InlineData("match: [{ uri: { exact: /a, prefix: /b } }]", "spec.http[0].match[0].uri", "exactly one")]
    [InlineData("match: [{ uri: { regex: \"[\" } }]", "spec.http[0].match[0].uri.regex", "does not compile")]
    [InlineData("match: [{ headers: { \":status\": { exact: a } } }]", "spec.http[0].match[0].headers[\":status\"]", "not a header name")]
    [InlineData("match: [{ headers: { \"@request.auth.claims.sub\": { exact: a } } }]", "spec.http[0].match[0].headers[\"@request.auth.claims.sub\"]", "gateways only")]
    [InlineData("match: [{ headers: { x: { regex: \"*\" } } }]", "spec.http[0].match[0].headers[\"x\"].regex", "does not compile")]
    [InlineData("match: [{ withoutHeaders: { x: { regex: \"?\" } } }]", "spec.http[0].match[0].withoutHeaders[\"x\"].regex", "does not compile")]
    [InlineData("match: [{ queryParams: { q: { prefix: \"\" } } }]", "spec.http[0].match[0].queryParams[\"q\"].prefix", "empty")]
    [InlineData("match: [{ scheme: { regex: \"\" } }]", "spec.http[0].match[0].scheme.regex", "empty")]
    [InlineData("match: [{ port: 0 }]", "spec.http[0].match[0].port", "out of range")]
    [InlineData("match: [{ sourceNamespace: Web }]", "spec.http[0].match[0].sourceNamespace", "not a DNS label")]
    [InlineData("match: [{ gateways: [a/b/c] }]", "spec.http[0].match[0].gateways[0]", "not the name of a gateway")]
    [InlineData("match: [{ headers: { x: { prefix: \"\" } } }]", "spec.http[0].match[0].headers[\"x\"].prefix", "empty")]
    [InlineData("match: [{ sourceLabels: { \"app-*\": a } }]", "spec.http[0].match[0].sourceLabels[\"app-*\"]", "not a label key")]
    [InlineData("mirror: { host: catalog, weight: 1 }", "spec.http[0].mirror.weight", "unknown field")]
    [InlineData("mirror: { host: a }\n  mirrors: [{ destination: { host: b } }]", "spec.http[0].mirror", "beside 'mirrors'")]
    [InlineData("mirrors: [{ percentage: { value: 1 } }]", "spec.http[0].mirrors[0].destination", "missing")]
    [InlineData("mirrorPercentage: { value: 101 }", "spec.http[0].mirrorPercentage.value", "out of range")]
    [InlineData("rewrite: {}", "spec.http[0].rewrite", "changes nothing")]
    [InlineData("rewrite: { uri: /a, uriRegexRewrite: { match: a, rewrite: b } }", "spec.http[0].rewrite.uriRegexRewrite", "beside 'uri'")]
    [InlineData("rewrite: { uriRegexRewrite: { match: a } }", "spec.http[0].rewrite.uriRegexRewrite.rewrite", "missing")]
    [InlineData("rewrite: { uriRegexRewrite: { match: \"(a)\", rewrite: '\\2' } }", "spec.http[0].rewrite.uriRegexRewrite.rewrite", "no group")]
    [InlineData("rewrite: { uriRegexRewrite: { match: a, rewrite: '\\x' } }", "spec.http[0].rewrite.uriRegexRewrite.rewrite", "neither a digit")]
    [InlineData("rewrite: { authority: a }\n  headers: { request: { set: { host: b } } }", "spec.http[0]", "several places")]
    [InlineData("redirect: { uri: /a }", "spec.http[0].redirect", "beside 'route'")]
    [InlineData("directResponse: { status: 200 }", "spec.http[0].directResponse", "beside 'route'")]
    [InlineData("delegate: { name: other }", "spec.http[0].delegate", "beside 'route'")]
    [InlineData("corsPolicy: { allowMethods: [PUTT] }", "spec.http[0].corsPolicy.allowMethods[0]", "not a method")]
    [InlineData("corsPolicy: { allowOrigins: [{ exact: \"\" }] }", "spec.http[0].corsPolicy.allowOrigins[0]", "empty")]
    [InlineData("corsPolicy: { maxAge: 1.5s }", "spec.http[0].corsPolicy.maxAge", "whole seconds")]
    [InlineData("headers: { request: { set: { x: \"%START_TIME%\" } } }", "spec.http[0].headers.request.set[\"x\"]", "variable")]
    [InlineData("headers: { request: { set: { \":path\": /a } } }", "spec.http[0].headers.request.set[\":path\"]", "':authority'")]
    [InlineData("headers: { request: { remove: [Host] } }", "spec.http[0].headers.request.remove[0]", "cannot be changed")]
    [InlineData("headers: { response: { set: { \":authority\": a } } }", "spec.http[0].headers.response.set[\":authority\"]", "cannot be changed")]
    [InlineData("timeout: 5", "spec.http[0].timeout", "not a duration")]
    [InlineData("timeouts: 5s", "spec.http[0].timeouts", "unknown field")]
    public void Bad_routes_are_refused(string route, string field, string problem)
    {
        var error = Invalid(Document(ManifestKind.VirtualService, "catalog", $"hosts: [catalog]\nhttp:\n- {route}\n{Route}"));

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gateways: [mesh]\nhttp: [{ route: [{ destination: { host: catalog } }] }]", "spec.gateways", "others delegate to it")]
    [InlineData("http: [{ delegate: { name: other } }]", "spec.http[0].delegate", "cannot delegate")]
    [InlineData("hosts: [catalog]\nhttp: [{ match: [{ headers: { x: {} } }], delegate: { name: other } }]", "spec.http[0].match[0].headers[\"x\"]", "only whether a header is there")]
    [InlineData("hosts: [catalog]\nhttp: [{ redirect: {} }]", "spec.http[0].redirect", "leads nowhere else")]
    [InlineData("hosts: [catalog]\nhttp: [{ redirect: { uri: /a, redirectCode: 304 } }]", "spec.http[0].redirect.redirectCode", "no redirect with this status")]
    [InlineData("hosts: [catalog]\nhttp: [{ redirect: { uri: /a, redirectCode: 400 } }]", "spec.http[0].redirect.redirectCode", "out of range")]
    [InlineData("hosts: [catalog]\nhttp: [{ redirect: { uri: /a, prefixRewrite: /b } }]", "spec.http[0].redirect.prefixRewrite", "beside 'uri'")]
    [InlineData("hosts: [catalog]\nhttp: [{ redirect: { port: 1, derivePort: FROM_REQUEST_PORT } }]", "spec.http[0].redirect.derivePort", "beside 'port'")]
    [InlineData("hosts: [catalog]\nhttp: [{ redirect: { scheme: ftp } }]", "spec.http[0].redirect.scheme", "no scheme")]
    [InlineData("hosts: [catalog]\nhttp: [{ match: [{ uri: { exact: /a } }], redirect: { prefixRewrite: /b } }]", "spec.http[0].redirect.prefixRewrite", "something else than a prefix")]
    [InlineData("hosts: [catalog]\nhttp: [{ redirect: { uri: /a }, fault: { abort: { httpStatus: 503, percentage: { value: 1 } } } }]", "spec.http[0].fault", "no call goes out")]
    [InlineData("hosts: [catalog]\nhttp: [{ directResponse: { status: 100 } }]", "spec.http[0].directResponse.status", "out of range")]
    [InlineData("hosts: [catalog]\nhttp: [{ directResponse: { status: 200, body: {} } }]", "spec.http[0].directResponse.body", "exactly one")]
    [InlineData("hosts: [catalog]\nhttp: [{ directResponse: { status: 200, body: { bytes: \"?\" } } }]", "spec.http[0].directResponse.body.bytes", "not base64")]
    [InlineData("hosts: ['*']\nhttp: [{ route: [{ destination: { host: a } }] }]", "spec.hosts", "gateways only")]
    [InlineData("hosts: [foo.1]\nhttp: [{ route: [{ destination: { host: a } }] }]", "spec.hosts[0]", "a number")]
    [InlineData("hosts: [catalog]\nexportTo: ['*', web]\nhttp: [{ route: [{ destination: { host: a } }] }]", "spec.exportTo", "beside others")]
    [InlineData("hosts: [catalog]\nexportTo: [., shop]\nhttp: [{ route: [{ destination: { host: a } }] }]", "spec.exportTo[1]", "named twice")]
    [InlineData("hosts: [catalog]\nexportTo: ['~']\nhttp: [{ route: [{ destination: { host: a } }] }]", "spec.exportTo[0]", "not a DNS label")]
    [InlineData("hosts: [catalog]\ntcp: [{ route: [{ destination: { host: a } }] }]", "spec.tcp", "no other connections")]
    [InlineData("hosts: [foo.bar]\ntls: [{ route: [{ destination: { host: a } }] }]", "spec.tls[0]", "matches nothing")]
    [InlineData("hosts: [foo.bar]\ntls: [{ match: [{ sniHosts: [other.bar] }], route: [{ destination: { host: a } }] }]", "spec.tls[0].match[0].sniHosts[0]", "none of the VirtualService's hosts")]
    [InlineData("hosts: [foo.bar]\ntls: [{ match: [{ sniHosts: [foo.bar] }] }]", "spec.tls[0]", "leads nowhere")]
    [InlineData("hosts: [catalog]\nhttp: [{ route: [{ destination: { host: a }, weight: 2147483647 }, { destination: { host: b }, weight: 2147483647 }, { destination: { host: c }, weight: 2147483647 }] }]", "spec.http[0].route", "add up to")]
    [InlineData("hosts: [catalog]", "spec", "no routes")]
    [InlineData("hosts: [catalog]\nhttp: [{}]", "spec.http[0]", "leads nowhere")]
    [InlineData("hosts: [catalog]\nhttp: [{ route: [] }]", "spec.http[0].route", "empty")]
    [InlineData("hosts: [catalog]\nhttp: [{ route: [{ weight: 1 }] }]", "spec.http[0].route[0].destination", "missing")]
    [InlineData("hosts: [catalog]\nhttp: [{ route: [{ destination: { host: a } }, { destination: { host: b } }] }]", "spec.http[0].route", "add up to 0")]
    [InlineData("hosts: [catalog, catalog.shop]\nhttp: [{ route: [{ destination: { host: a } }] }]", "spec.hosts", "named twice")]
    [InlineData("hosts: ['*.a.b.c', x.a.b.c]\nhttp: [{ route: [{ destination: { host: a } }] }]", "spec.hosts", "covers")]
    [InlineData("hosts: [catalog]\ngateways: [ns1/*]\nhttp: [{ route: [{ destination: { host: a } }] }]", "spec.gateways[0]", "not the name of a gateway")]
    public void Bad_services_are_refused(string spec, string field, string problem)
    {
        var error = Invalid(Document(ManifestKind.VirtualService, "catalog", spec));

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void A_single_destination_takes_every_call_whatever_its_weight()
        => Assert.Equal(100, Valid<VirtualServiceManifest>(Document(
            ManifestKind.VirtualService, "catalog", "hosts: [catalog]\nhttp: [{ route: [{ destination: { host: catalog }, weight: 0 }] }]")).Http[0].Destinations[0].Weight);

    [Theory]
    [InlineData("hosts: [catalog]\ngateways: [edge]\nhttp: [{ route: [{ destination: { host: a } }] }]", "spec.gateways", "for gateways only")]
    [InlineData("hosts: ['*']\ngateways: [edge]\ntcp: [{ route: [{ destination: { host: a } }] }]", "spec.gateways", "for gateways only")]
    [InlineData("hosts: [foo.bar]\ntls: [{ match: [{ sniHosts: [1.1.1.1] }], route: [{ destination: { host: a } }] }]", "spec.tls", "take none")]
    [InlineData("hosts: [catalog]\nhttp: [{ route: [{ destination: { host: a } }] }, { name: dead, redirect: { uri: /a } }]", "spec.http[1]", "no call comes here")]
    [InlineData("hosts: [catalog]\nhttp: [{ fault: { abort: { httpStatus: 500 } }, route: [{ destination: { host: a } }] }]", "spec.http[0].fault.abort", "no call is aborted")]
    [InlineData("hosts: [catalog]\nhttp: [{ fault: { delay: { fixedDelay: 1s, percent: 5 } }, route: [{ destination: { host: a } }] }]", "spec.http[0].fault.delay.percent", "deprecated")]
    [InlineData("hosts: [catalog]\nhttp: [{ mirror: { host: b }, mirrorPercent: 5, route: [{ destination: { host: a } }] }]", "spec.http[0].mirrorPercent", "deprecated")]
    [InlineData("hosts: [catalog]\nhttp: [{ corsPolicy: { allowOrigin: [a] }, route: [{ destination: { host: a } }] }]", "spec.http[0].corsPolicy.allowOrigin", "deprecated")]
    [InlineData("hosts: [catalog]\nhttp: [{ match: [{ headers: { X-Beta: { exact: a } } }], route: [{ destination: { host: a } }] }]", "spec.http[0].match[0].headers[\"X-Beta\"]", "capitals")]
    [InlineData("hosts: [catalog]\nhttp: [{ delegate: { name: other } }]", "spec.http[0].delegate.name", "left out")]
    public void What_has_no_effect_or_an_unexpected_one_is_warned_of(string spec, string field, string problem)
    {
        var reading = Read(Document(ManifestKind.VirtualService, "catalog", spec));

        Assert.Empty(reading.Errors);
        var warning = Assert.Single(reading.Warnings);
        Assert.Equal(field, warning.Field);
        Assert.Contains(problem, warning.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Conditions_on_callers_ports_and_gateways_are_read()
    {
        var service = Valid<VirtualServiceManifest>(Document(ManifestKind.VirtualService, "catalog", """
            hosts: [catalog]
            gateways: [mesh, edge]
            exportTo: [., web]
            http:
            - match:
              - scheme: { exact: https }
                port: 8080
                sourceLabels: { app: storefront }
                sourceNamespace: web
                gateways: [edge]
                statPrefix: s
                headers: { ":method": { exact: GET }, "a!#$%&'*+-.^_`|~z": { exact: why } }
                withoutHeaders: { x-a: { regex: "*" }, x-b: { regex: ".*" } }
              route: [{ destination: { host: catalog } }]
            """));

        Assert.True(service.IsForMesh);
        Assert.Equal(["shop", "web"], service.ExportTo);
        var match = Assert.Single(service.Http[0].Matches);
        Assert.Equal((8080, "web", "s", false), (match.Port, match.SourceNamespace, match.StatPrefix, match.IsForMesh));
        Assert.Equal(KeyValuePair.Create("app", "storefront"), Assert.Single(match.SourceLabels));
        Assert.Equal([":method", "a!#$%&'*+-.^_`|~z"], match.Headers.Keys);
        Assert.Equal((null, ".*"), (match.WithoutHeaders["x-a"], match.WithoutHeaders["x-b"]?.Value));
    }

    [Fact]
    public void Actions_that_send_no_call_out_are_read()
    {
        var routes = Valid<VirtualServiceManifest>(Document(ManifestKind.VirtualService, "catalog", """
            hosts: [catalog]
            http:
            - match: [{ uri: { prefix: /a } }]
              redirect: { prefixRewrite: /b, derivePort: FROM_REQUEST_PORT, scheme: https }
            - match: [{ uri: { prefix: /c } }]
              directResponse: { status: 418, body: { bytes: aGk= } }
            - directResponse: { status: 503, body: { string: closed } }
            """)).Http;

        Assert.Equal(new VirtualServiceRedirect { PrefixRewrite = "/b", IsPortOfRequest = true, NamesPort = true, Scheme = "https" }, routes[0].Redirect);
        Assert.Equal((418, "hi"), (routes[1].DirectResponse!.Status, System.Text.Encoding.UTF8.GetString(routes[1].DirectResponse!.Body.Span)));
        Assert.Equal("closed", System.Text.Encoding.UTF8.GetString(routes[2].DirectResponse!.Body.Span));
    }

    [Fact]
    public void Header_values_lose_one_of_two_percent_signs()
        => Assert.Equal("100% of 5%", Assert.Single(Valid<VirtualServiceManifest>(Document(
            ManifestKind.VirtualService, "catalog",
            "hosts: [catalog]\nhttp: [{ route: [{ destination: { host: catalog } }], headers: { response: { set: { x: \"100%% of 5%%\" } } } }]")).Http[0].ResponseHeaders.Set).Value);

    [Theory]
    [InlineData("retries: {}")]
    [InlineData("retries: { attempts: 0 }")]
    [InlineData("retries: { attempts: 0, backoff: 1s }")]
    public void Retries_without_attempts_are_none(string retries)
        => Assert.Equal(0, Valid<VirtualServiceManifest>(Document(ManifestKind.VirtualService, "catalog", $"hosts: [catalog]\nhttp:\n- {retries}\n{Route}")).Http[0].Retries?.Attempts);

    [Fact]
    public void A_large_direct_response_is_warned_of_and_a_larger_one_refused()
    {
        static ManifestReading ReadBody(int bytes) => Read(Document(
            ManifestKind.VirtualService, "catalog", $"hosts: [catalog]\nhttp: [{{ directResponse: {{ status: 200, body: {{ string: {new string('a', bytes)} }} }} }}]"));

        Assert.Empty(ReadBody(100 * 1024).Warnings);
        Assert.Contains("go to every client", Assert.Single(ReadBody((100 * 1024) + 1).Warnings).Problem, StringComparison.Ordinal);
        Assert.NotEmpty(ReadBody((1024 * 1024) + 1).Errors);
    }
}
