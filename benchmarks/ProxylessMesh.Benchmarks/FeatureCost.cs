using System.Collections.Frozen;
using System.Text.RegularExpressions;
using BenchmarkDotNet.Attributes;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Benchmarks;

/// <summary>What each feature of a route or cluster costs a call that uses it: the same call by a route with it and by one with nothing, side by side.</summary>
[MemoryDiagnoser]
public partial class FeatureCost
{
    private HttpMessageInvoker _with = null!;
    private HttpMessageInvoker _without = null!;

    public enum Feature
    {
        Timeout,
        RetryPolicy,
        PerTryTimeout,
        Hedging,
        HeaderOperations,
        PrefixRewrite,
        RegexRewrite,
        HostRewrite,
        Split,
        SplitByHash,
        HashOfHeader,
        SessionCookie,
        MirrorOfAll,
        FaultThatSparesTheCall,
        RedirectAndItsTarget,
        DirectResponse,
        CircuitBreaker,
        OutlierDetection,
        SlowStart,
        ReportsOfLoad,
    }

    [ParamsAllValues]
    public Feature Used { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _without = Invoker(Plain("orders"));
        _with = Invoker(Used switch
        {
            Feature.Timeout => Forward(static action => action with { Timeout = TimeSpan.FromSeconds(15) }),
            Feature.RetryPolicy => Forward(static action => action with { Retry = new RetryConfig { On = RetryConditions.GatewayError, MaxRetries = 2 } }),
            Feature.PerTryTimeout => Forward(static action => action with { Retry = new RetryConfig { On = RetryConditions.GatewayError, MaxRetries = 2, PerTryTimeout = TimeSpan.FromSeconds(2) } }),
            Feature.Hedging => Forward(static action => action with { Hedge = new HedgeConfig { MaxAttempts = 2, Delay = TimeSpan.FromSeconds(1) } }),
            Feature.HeaderOperations => Route(static rule => rule with
            {
                Headers = new HeaderOperationsConfig { RequestRemove = ["x-a"], RequestSet = [new("x-b", "1")], RequestAdd = [new("x-c", "2")], ResponseSet = [new("x-d", "3")] },
            }),
            Feature.PrefixRewrite => Forward(static action => action with { PathRewrite = new PrefixRewriteConfig("/v2/") }),
            Feature.RegexRewrite => Forward(static action => action with { PathRewrite = new RegexRewriteConfig(CartPattern(), @"/basket/\1") }),
            Feature.HostRewrite => Forward(static action => action with { HostRewrite = new HostRewriteConfig("orders.example") }),
            Feature.Split => Forward(static action => action with { Clusters = [action.Clusters[0] with { Weight = 90 }, action.Clusters[0] with { Weight = 10 }] }),
            Feature.SplitByHash => Forward(static action => action with
            {
                Clusters = [action.Clusters[0] with { Weight = 90 }, action.Clusters[0] with { Weight = 10 }],
                HashPolicies = [new HashPolicyConfig(HashPolicyKind.Header, "x-user")],
                SplitByHash = true,
            }),
            Feature.HashOfHeader => Cluster(Forward(static action => action with { HashPolicies = [new HashPolicyConfig(HashPolicyKind.Header, "x-user")] }), static cluster => cluster with { LoadBalancer = new LoadBalancerConfig { Kind = LoadBalancerKind.Maglev } }),
            Feature.SessionCookie => Filter(new StatefulSessionFilterConfig("session", new SessionConfig(new SessionCookieConfig("s", "/", TimeSpan.Zero), Header: null))),
            Feature.MirrorOfAll => Forward(static action => action with { Mirrors = [new MirrorConfig(action.Clusters[0].Cluster, Everything)] }),
            Feature.FaultThatSparesTheCall => Filter(new FaultFilterConfig("fault", new FaultConfig { AbortHttpStatus = 503, AbortFraction = Everything, Headers = [Absent] })),
            Feature.RedirectAndItsTarget => Route(static rule => rule with { Action = new RedirectActionConfig { Host = "elsewhere" } }),
            Feature.DirectResponse => Route(static rule => rule with { Action = new DirectResponseActionConfig(200, default) }),
            Feature.CircuitBreaker => Cluster(Plain("orders"), static cluster => cluster with { CircuitBreaker = new CircuitBreakerConfig { MaxRequests = 1000, MaxPendingRequests = 1000 } }),
            Feature.OutlierDetection => Cluster(Plain("orders"), static cluster => cluster with { OutlierDetection = new OutlierDetectionConfig { Consecutive5xx = 5, SuccessRate = new SuccessRateConfig() } }),
            Feature.SlowStart => Cluster(Plain("orders"), static cluster => cluster with { LoadBalancer = cluster.LoadBalancer with { SlowStart = new SlowStartConfig(TimeSpan.FromHours(1), 1, 10) } }),
            Feature.ReportsOfLoad => Cluster(Plain("orders"), static cluster => cluster with { LoadBalancer = new LoadBalancerConfig { Kind = LoadBalancerKind.WeightedRoundRobin } }),
            _ => throw new InvalidOperationException($"{Used} has no config."),
        });
    }

    [Benchmark(Baseline = true, Description = "route with nothing")]
    public Task<int> Without() => SendAsync(_without);

    [Benchmark(Description = "with the feature")]
    public Task<int> With() => SendAsync(_with);

    private static HeaderMatcher Absent { get; } = new() { Name = "x-not-there" };

    private static FractionMatcher Everything { get; } = new(FractionMatcher.Always);

    private static Uri Target { get; } = new("http://orders/cart/1");

    private static async Task<int> SendAsync(HttpMessageInvoker mesh)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Target);
        request.Headers.TryAddWithoutValidation("x-user", "u-1");
        using var response = await mesh.SendAsync(request, CancellationToken.None);
        return (int)response.StatusCode;
    }

    private static HttpMessageInvoker Invoker(XdsConfig config)
        => new(new MeshUnderBenchmark(new HttpMessageInvoker(new AnswerAtOnce()), host => host.StartsWith("elsewhere", StringComparison.Ordinal) ? Plain(host) : config).Handler);

    private static XdsConfig Plain(string host) => ConfigTree.Of(host, endpoints: 2, timeout: null);

    private static XdsConfig Route(Func<RouteRuleConfig, RouteRuleConfig> change) => Rule(Plain("orders"), change);

    private static XdsConfig Forward(Func<ForwardActionConfig, ForwardActionConfig> change)
        => Route(rule => rule with { Action = change((ForwardActionConfig)rule.Action) });

    private static XdsConfig Filter(HttpFilterConfig filter)
    {
        var config = Plain("orders");
        return config with { Listener = config.Listener with { Api = config.Listener.Api! with { Filters = [filter, .. config.Listener.Api.Filters] } } };
    }

    private static XdsConfig Cluster(XdsConfig config, Func<ClusterConfig, ClusterConfig> change)
        => config with { Clusters = config.Clusters.ToFrozenDictionary(static pair => pair.Key, pair => pair.Value with { Config = change(pair.Value.Config!) }) };

    private static XdsConfig Rule(XdsConfig config, Func<RouteRuleConfig, RouteRuleConfig> change)
    {
        var host = config.Routes.VirtualHosts[0];
        return config with { Routes = config.Routes with { VirtualHosts = [host with { Routes = [change(host.Routes[0])] }] } };
    }

    [GeneratedRegex("^/cart/(.*)$", RegexOptions.NonBacktracking)]
    private static partial Regex CartPattern();
}
