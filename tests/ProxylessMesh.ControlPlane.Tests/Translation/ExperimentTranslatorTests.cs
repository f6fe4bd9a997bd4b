using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.Fault.V3;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;
using ProxylessMesh.Protos;
using WireExperiment = ProxylessMesh.Protos.V1.FaultExperiment;

namespace ProxylessMesh.ControlPlane.Tests.Translation;

public class ExperimentTranslatorTests
{
    private static readonly DateTimeOffset End = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Experiment_is_the_filters_override_and_one_of_ours_with_its_end()
    {
        var route = Assert.Single(Begun(
            "delay: { fixed: 1s, percentage: 20 }, abort: { httpStatus: 503, percentage: 0.5 }, bandwidth: { kibPerSecond: 64, percentage: 10 }, "
            + "exception: { reason: Tls, percentage: 1 }, cut: { afterBytes: 7, percentage: 2 }, maxActiveFaults: 9").VirtualHost().Routes);

        var fault = route.TypedPerFilterConfig["envoy.filters.http.fault"].Unpack<HTTPFault>();
        Assert.Equal((TimeSpan.FromSeconds(1), 200_000u), (fault.Delay.FixedDelay.ToTimeSpan(), fault.Delay.Percentage.Numerator));
        Assert.Equal((503u, 5_000u), (fault.Abort.HttpStatus, fault.Abort.Percentage.Numerator));
        Assert.Equal((64ul, 100_000u), (fault.ResponseRateLimit.FixedLimit.LimitKbps, fault.ResponseRateLimit.Percentage.Numerator));
        Assert.Equal(9u, fault.MaxActiveFaults);
        var optional = route.TypedPerFilterConfig["proxylessmesh.fault"].Unpack<FilterConfig>();
        Assert.True(optional.IsOptional);
        var own = optional.Config.Unpack<WireExperiment>();
        Assert.Equal((WireExperiment.Types.Exception.Tls, 10_000u), (own.Exception, own.ExceptionPercentage.Numerator));
        Assert.Equal((7ul, 20_000u), (own.CutAfterBytes, own.CutPercentage.Numerator));
        Assert.Equal(End, own.Until.ToDateTimeOffset());
        Assert.Equal("default with FaultExperiment shop/chaos", route.Name);
    }

    [Fact]
    public void Experiment_that_has_not_begun_does_nothing()
        => Assert.Empty(Assert.Single(Given.Snapshot(Experiment("cut: { afterBytes: 7, percentage: 2 }"), Given.Workload("catalog", "c1")).VirtualHost().Routes).TypedPerFilterConfig);

    [Fact]
    public void Conditions_are_those_of_a_copy_of_each_route_before_it()
    {
        var routes = Begun("match: { headers: { x-user: { exact: tester }, x-there: {} } }, cut: { afterBytes: 7, percentage: 2 }", HttpRoute).VirtualHost().Routes;

        Assert.InRange(routes.Count, 4, 10);
        Assert.All(routes.Chunk(2), static pair => Assert.Equal($"{pair[1].Name} with FaultExperiment shop/chaos", pair[0].Name));
        Assert.Equal(["x-there", "x-user"], routes[0].Match.Headers.Select(static header => header.Name).Order());
        Assert.Empty(routes[1].Match.Headers);
        Assert.Empty(routes[1].TypedPerFilterConfig);
        Assert.Equal(routes[0].Route_, routes[1].Route_);
    }

    [Fact]
    public void Route_with_a_fault_of_its_own_keeps_it()
    {
        var route = Assert.Single(Begun("cut: { afterBytes: 7, percentage: 2 }", """
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: { name: a, namespace: shop }
            spec: { hosts: [catalog], http: [{ fault: { abort: { httpStatus: 500, percentage: { value: 1 } } }, route: [{ destination: { host: catalog } }] }] }
            ---

            """).VirtualHost().Routes);

        Assert.Equal("envoy.filters.http.fault", Assert.Single(route.TypedPerFilterConfig).Key);
    }

    [Theory]
    [InlineData("web", "storefront", true)]
    [InlineData("web", "batch", false)]
    [InlineData("other", "storefront", false)]
    public void Callers_that_it_names_have_routes_of_their_own(string ns, string account, bool isHit)
    {
        var snapshot = Begun("from: [{ namespace: web, serviceAccount: storefront }], cut: { afterBytes: 7, percentage: 2 }");
        var name = snapshot.RouteNameFor("catalog.shop.svc.cluster.local:80", new RouteAudience { Namespace = ns, ServiceAccount = account });

        Assert.True(snapshot.TryGet(XdsTypeUrls.RouteConfiguration, name, out var resource));
        var route = Assert.Single(Assert.Single(RouteConfiguration.Parser.ParseFrom(resource.Bytes).VirtualHosts).Routes);
        Assert.Equal(isHit, route.TypedPerFilterConfig.ContainsKey("proxylessmesh.fault"));
    }

    [Fact]
    public void Port_that_it_names_is_the_only_one()
    {
        const string Service = "apiVersion: v1\nkind: Service\nmetadata: { name: catalog, namespace: shop }\nspec: { ports: [{ name: http, port: 80 }, { name: admin, port: 81 }] }\n---\n";
        var snapshot = Begun("cut: { afterBytes: 7, percentage: 2 }", Service, ", port: 81");

        Assert.Empty(Assert.Single(snapshot.VirtualHost().Routes).TypedPerFilterConfig);
        Assert.NotEmpty(Assert.Single(snapshot.VirtualHost("catalog.shop.svc.cluster.local:81").Routes).TypedPerFilterConfig);
    }

    private const string HttpRoute = """
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: { name: a, namespace: shop }
        spec:
          parentRefs: [{ group: "", kind: Service, name: catalog }]
          rules:
            - { matches: [{ path: { type: PathPrefix, value: /v2 } }], backendRefs: [{ name: catalog, port: 80 }] }
            - { backendRefs: [{ name: catalog, port: 80 }] }
        ---

        """;

    private static XdsSnapshot Begun(string spec, string others = "", string port = "")
    {
        var manifests = Given.Manifests(others + Experiment(spec, port));
        var begun = new ManifestSet(manifests.All.Select(static manifest => manifest is FaultExperimentManifest experiment ? experiment with { Ends = End } : manifest));
        return new MeshTranslator(Given.TrustDomain).Translate(begun, [Given.Workload("catalog", "c1")]);
    }

    private static string Experiment(string spec, string port = "") => $$"""
        apiVersion: mesh.proxyless.dev/v1alpha1
        kind: FaultExperiment
        metadata: { name: chaos, namespace: shop }
        spec: { targetRef: { kind: Service, name: catalog{{port}} }, ttl: 15m, {{spec}} }
        """;
}
