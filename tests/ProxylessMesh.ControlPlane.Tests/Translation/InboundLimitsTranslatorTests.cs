using Envoy.Extensions.Filters.Http.AdaptiveConcurrency.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.Protos.V1;

namespace ProxylessMesh.ControlPlane.Tests.Translation;

public sealed class InboundLimitsTranslatorTests
{
    private static HttpFilter[] Filters(string yaml) => [.. InboundLimitsTranslator.Filters(Given.Manifests(yaml), Given.Workload("catalog", "c1", version: "v1"))];

    private static string Limits(string name, string ns, string spec) => $$"""
        apiVersion: mesh.proxyless.dev/v1alpha1
        kind: InboundLimits
        metadata: { name: {{name}}, namespace: {{ns}} }
        spec: { {{spec}} }
        ---

        """;

    [Fact]
    public void Without_limits_there_is_no_filter() => Assert.Empty(Filters(""));

    [Fact]
    public void Each_limit_is_a_filter_and_ours_are_optional()
    {
        var filters = Filters(Limits("l", "shop", "rateLimit: { perCaller: { calls: 5, per: 1s, burst: 9 } }, maxConcurrentCalls: 4, adaptiveConcurrency: { maxConcurrency: 77 }, maxConnections: 3, maxConnectionsPerCaller: 2"));

        Assert.Equal(
            ["proxylessmesh.connection_limit?", "proxylessmesh.rate_limit?", "proxylessmesh.concurrency_limit?", "envoy.filters.http.adaptive_concurrency"],
            filters.Select(filter => filter.Name + (filter.IsOptional ? "?" : "")));
        Assert.Equal(new ConnectionLimit { MaxConnections = 3, MaxConnectionsPerCaller = 2 }, filters[0].TypedConfig.Unpack<ConnectionLimit>());
        var bucket = filters[1].TypedConfig.Unpack<CallerRateLimit>().PerCaller;
        Assert.Equal((9u, 5u, 1L), (bucket.MaxTokens, bucket.TokensPerFill, bucket.FillInterval.Seconds));
        Assert.Equal(4u, filters[2].TypedConfig.Unpack<ConcurrencyLimit>().MaxCalls);
        Assert.Equal(77u, filters[3].TypedConfig.Unpack<AdaptiveConcurrency>().GradientControllerConfig.ConcurrencyLimitParams.MaxConcurrencyLimit);
    }

    [Fact]
    public void A_caller_is_named_as_in_an_authorization_policy()
    {
        var filter = Assert.Single(Filters(Limits("l", "shop", "rateLimit: { callers: [{ principal: cluster.local/ns/shop/sa/batch, calls: 1, per: 1s }, { principal: '*/sa/web', calls: 2, per: 1s }] }")));

        var callers = filter.TypedConfig.Unpack<CallerRateLimit>().Callers;
        Assert.Equal("spiffe://mesh.local/ns/shop/sa/batch", callers[0].Caller_.Exact);
        Assert.Equal("/sa/web", callers[1].Caller_.Suffix);
    }

    [Theory]
    [InlineData("mesh-system", "", "5")]
    [InlineData("shop", "", "5")]
    [InlineData("shop", "selector: { matchLabels: { app: catalog } }, ", "5")]
    [InlineData("shop", "selector: { matchLabels: { app: pricing } }, ", "")]
    [InlineData("other", "", "")]
    [InlineData("mesh-system", "selector: { matchLabels: { app: catalog } }, ", "")]
    public void They_are_for_the_workloads_that_they_select(string ns, string selector, string expected)
        => Assert.Equal(expected, MaxCalls(Limits("l", ns, $"{selector}maxConcurrentCalls: 5")));

    [Fact]
    public void The_narrowest_counts_and_of_equal_ones_the_older()
    {
        var mesh = Limits("mesh", "mesh-system", "maxConcurrentCalls: 1");
        var ofNamespace = Limits("namespace", "shop", "maxConcurrentCalls: 2");
        var workload = Limits("workload", "shop", "selector: { matchLabels: { app: catalog } }, maxConcurrentCalls: 3");
        var younger = Limits("younger", "shop", "selector: { matchLabels: { version: v1 } }, maxConcurrentCalls: 4");

        Assert.Equal("1", MaxCalls(mesh));
        Assert.Equal("2", MaxCalls(mesh + ofNamespace));
        Assert.Equal("3", MaxCalls(mesh + ofNamespace + workload));
        Assert.Equal("3", MaxCalls(workload + younger + ofNamespace + mesh));
        Assert.Equal("4", MaxCalls(younger + workload));
    }

    private static string MaxCalls(string yaml) => string.Join(',', Filters(yaml).Select(filter => filter.TypedConfig.Unpack<ConcurrencyLimit>().MaxCalls));
}
