using System.Net;
using BenchmarkDotNet.Attributes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using ProxylessMesh.Authentication;
using ProxylessMesh.Snapshots;
using ProxylessMesh.Spiffe;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Benchmarks;

/// <summary>What each feature of a server costs a call, behind Kestrel and before the application: beside the same pipeline with one ALLOW policy and nothing else.</summary>
[MemoryDiagnoser]
public class InboundCost
{
    private static readonly PathMatcher AnyPath = PathMatcher.Prefix("/");

    private readonly DefaultHttpContext _context = new();
    private RequestDelegate _pipeline = null!;
    private InboundPort _with = null!;
    private InboundPort _without = null!;

    public enum Feature
    {
        DenyPolicy,
        DryRunPolicy,
        CrossOrigin,
        RateLimit,
        RateLimitByCaller,
        ConcurrencyLimit,
        AdaptiveConcurrency,
        LoadReport,
    }

    [ParamsAllValues]
    public Feature Used { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var services = new ServiceCollection().AddLogging().AddMeshInbound();
        services.AddSingleton<IConfigureOptions<MeshOptions>>(new ConfigureOptions<MeshOptions>(static _ => { }));
        var provider = services.BuildServiceProvider();
        var app = new ApplicationBuilder(provider);
        new MeshStartupFilter(provider.GetRequiredService<IOptions<MeshOptions>>()).Configure(static pipeline => pipeline.Run(static _ => Task.CompletedTask))(app);
        _pipeline = app.Build();
        _without = Port();
        _with = Port(Used switch
        {
            Feature.DenyPolicy => new RbacFilterConfig("deny", Policy(RbacAction.Deny, "/admin/"), null),
            Feature.DryRunPolicy => new RbacFilterConfig("dry-run", null, Policy(RbacAction.Deny, "/cart/")),
            Feature.CrossOrigin => new CorsFilterConfig("cors", new CorsConfig { AllowOrigins = [StringMatcher.Exact("https://shop.example")] }),
            Feature.RateLimit => new LocalRateLimitFilterConfig("limit", new RateLimitConfig { Total = Plenty }),
            Feature.RateLimitByCaller => new LocalRateLimitFilterConfig("limit", new RateLimitConfig { PerCaller = Plenty }),
            Feature.ConcurrencyLimit => new ConcurrencyLimitFilterConfig("calls", 1000),
            Feature.AdaptiveConcurrency => new AdaptiveConcurrencyFilterConfig("adaptive", new AdaptiveConcurrencyConfig()),
            Feature.LoadReport => new LoadReportFilterConfig("load"),
            _ => throw new InvalidOperationException($"{Used} has no config."),
        });
        _context.Request.Method = "GET";
        _context.Request.Path = "/cart/1";
        _context.Request.Headers.Host = "orders";
        _context.Features.Set<IMeshPeerFeature>(new MeshPeer(SpiffeId.Parse("spiffe://mesh.local/ns/shop/sa/storefront"), new IPEndPoint(IPAddress.Loopback, 1), new IPEndPoint(IPAddress.Loopback, 8080)));
    }

    [Benchmark(Baseline = true, Description = "one ALLOW policy")]
    public Task Without() => CallAsync(_without);

    [Benchmark(Description = "with the feature")]
    public Task With() => CallAsync(_with);

    private static TokenBucketConfig Plenty { get; } = new(uint.MaxValue / 4, uint.MaxValue / 4, TimeSpan.FromSeconds(1));

    private Task CallAsync(InboundPort port)
    {
        _context.Features.Set(port);
        _context.Features.Set<InboundRoute>(null);
        return _pipeline(_context);
    }

    private static InboundPort Port(HttpFilterConfig? filter = null)
    {
        HttpFilterConfig[] more = filter is null ? [] : [filter];
        var port = new InboundPort(8080, TimeProvider.System);
        port.Publish(new InboundConfig
        {
            Name = "inbound",
            Listener = new ListenerConfig
            {
                Name = "inbound",
                Address = new IPEndPoint(IPAddress.Loopback, 8080),
                FilterChains =
                [
                    new FilterChainConfig
                    {
                        Transport = TransportProtocol.Tls,
                        Tls = new DownstreamTlsConfig { IdentityProvider = "default", RootProvider = "default", RequireClientCertificate = true },
                        Http = new HttpConnectionConfig
                        {
                            Filters = [.. more, new RbacFilterConfig("allow", Policy(RbacAction.Allow, "/cart/"), null), new RouterFilterConfig("router")],
                            InlineRoutes = new RouteConfig
                            {
                                Name = "inbound",
                                VirtualHosts = [new VirtualHostConfig { Name = "inbound", Domains = ["*"], Routes = [new RouteRuleConfig { Match = new RequestMatcher { Path = AnyPath }, Action = new NonForwardingActionConfig() }] }],
                            },
                        },
                    },
                ],
            },
        });
        return port;
    }

    private static RbacConfig Policy(RbacAction action, string prefix) => new()
    {
        Action = action,
        Policies = [new RbacPolicyConfig { Name = "ns[shop]-policy[p]-rule[0]", Permissions = [new PermissionConfig.UrlPath(StringMatcher.Prefix(prefix))], Principals = [new PrincipalConfig.Any()] }],
    };
}
