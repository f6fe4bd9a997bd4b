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
        Assert.Equal(new FaultAbort(null, 14, 100), route.Fault?.Abort);
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
    [InlineData("fault: { delay: { fixedDelay: 1s, percent: 5 } }", "spec.http[0].fault.delay.percent", "not supported yet")]
    [InlineData("fault: { abort: { httpStatus: 503, percentage: { value: 101 } } }", "spec.http[0].fault.abort.percentage.value", "out of range")]
    [InlineData("fault: { abort: { httpStatus: 503, percentage: 50 } }", "spec.http[0].fault.abort.percentage", "a map of fields is needed")]
    [InlineData("fault: { abort: { httpStatus: 100 } }", "spec.http[0].fault.abort.httpStatus", "out of range")]
    [InlineData("fault: { abort: { httpStatus: 503, grpcStatus: INTERNAL } }", "spec.http[0].fault.abort", "exactly one")]
    [InlineData("fault: { abort: { grpcStatus: \"14\" } }", "spec.http[0].fault.abort.grpcStatus", "not a known word")]
    [InlineData("retries: { perTryTimeout: 1s }", "spec.http[0].retries.attempts", "missing")]
    [InlineData("retries: { attempts: 0, perTryTimeout: 1s }", "spec.http[0].retries.attempts", "no retries")]
    [InlineData("retries: { attempts: 1, retryOn: gateway-eror }", "spec.http[0].retries.retryOn", "no condition")]
    [InlineData("retries: { attempts: 1, retryOn: \"600,5xx\" }", "spec.http[0].retries.retryOn", "no condition")]
    [InlineData("retries: { attempts: 1, retryOn: retriable-headers }", "spec.http[0].retries.retryOn", "not supported yet")]
    [InlineData("match: [{ uri: /v1 }]", "spec.http[0].match[0].uri", "a map of fields is needed")]
    [InlineData("match: [{ uri: {} }]", "spec.http[0].match[0].uri", "exactly one")]
    [InlineData("match: [{ uri: { exact: /a, prefix: /b } }]", "spec.http[0].match[0].uri", "exactly one")]
    [InlineData("match: [{ uri: { regex: \"[\" } }]", "spec.http[0].match[0].uri.regex", "does not compile")]
    [InlineData("match: [{ headers: { X-Beta: { exact: a } } }]", "spec.http[0].match[0].headers[\"X-Beta\"]", "capitals")]
    [InlineData("match: [{ headers: { x: { prefix: \"\" } } }]", "spec.http[0].match[0].headers[\"x\"].prefix", "empty")]
    [InlineData("match: [{ sourceLabels: { app: a } }]", "spec.http[0].match[0].sourceLabels", "not supported yet")]
    [InlineData("mirror: { host: catalog }", "spec.http[0].mirror", "not supported yet")]
    [InlineData("headers: { request: { set: { x: \"%START_TIME%\" } } }", "spec.http[0].headers.request.set[\"x\"]", "variable")]
    [InlineData("timeout: 5", "spec.http[0].timeout", "not a duration")]
    [InlineData("timeouts: 5s", "spec.http[0].timeouts", "unknown field")]
    public void Bad_routes_are_refused(string route, string field, string problem)
    {
        var error = Invalid(Document(ManifestKind.VirtualService, "catalog", $"hosts: [catalog]\nhttp:\n- {route}\n{Route}"));

        Assert.Equal(field, error.Field);
        Assert.Contains(problem, error.Problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http: [{ route: [{ destination: { host: catalog } }] }]", "spec", "names no hosts")]
    [InlineData("hosts: [catalog]", "spec", "no routes")]
    [InlineData("hosts: [catalog]\nhttp: [{}]", "spec.http[0]", "leads nowhere")]
    [InlineData("hosts: [catalog]\nhttp: [{ route: [] }]", "spec.http[0].route", "empty")]
    [InlineData("hosts: [catalog]\nhttp: [{ route: [{ weight: 1 }] }]", "spec.http[0].route[0].destination", "missing")]
    [InlineData("hosts: [catalog]\nhttp: [{ route: [{ destination: { host: a } }, { destination: { host: b } }] }]", "spec.http[0].route", "add up to 0")]
    [InlineData("hosts: [catalog, catalog.shop]\nhttp: [{ route: [{ destination: { host: a } }] }]", "spec.hosts", "named twice")]
    [InlineData("hosts: ['*.a.b.c', x.a.b.c]\nhttp: [{ route: [{ destination: { host: a } }] }]", "spec.hosts", "covers")]
    [InlineData("hosts: [catalog]\ngateways: [edge]\nhttp: [{ route: [{ destination: { host: a } }] }]", "spec.gateways", "not supported yet")]
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
}
