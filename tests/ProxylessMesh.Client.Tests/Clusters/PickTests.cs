using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Client.Telemetry;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Clusters;

public sealed class PickTests : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly EndpointTable _table;
    private int _disposed;

    public PickTests()
        => _table = new EndpointTable(
            (_, _, _) => new HttpMessageInvoker(new DisposeCounter(() => _disposed++)),
            TimeProvider.System,
            new MeshMeter(_services.GetRequiredService<IMeterFactory>()),
            NullLogger<EndpointTable>.Instance);

    public void Dispose() => _services.Dispose();

    [Fact]
    public void Round_robin_gives_each_its_turn()
    {
        var cluster = Acquire(LoadBalancerKind.RoundRobin, Locality(0, 1, 1, 2, 3));

        var picks = Enumerable.Range(0, 30).Select(_ => cluster.Pick()!.Address).CountBy(static address => address);

        Assert.All(picks, static count => Assert.Equal(10, count.Value));
    }

    [Fact]
    public void Least_request_avoids_the_loaded_one()
    {
        var cluster = Acquire(LoadBalancerKind.LeastRequest, Locality(0, 1, 1, 2));
        var loaded = cluster.Endpoints.First();
        Assert.True(loaded.TryStart());

        var picks = Enumerable.Range(0, 1000).Count(_ => cluster.Pick() == loaded);

        // Only where both draws fall on it: a quarter.
        Assert.InRange(picks, 150, 350);
    }

    [Fact]
    public void Localities_share_by_weight()
    {
        var cluster = Acquire(LoadBalancerKind.Random, Locality(0, 3, 1), Locality(0, 1, 2));

        var heavy = Enumerable.Range(0, 4000).Count(_ => cluster.Pick()!.Address.Address.GetAddressBytes()[3] == 1);

        Assert.InRange(heavy, 2800, 3200);
    }

    [Fact]
    public void Next_priority_is_used_when_the_first_has_nobody()
    {
        var cluster = Acquire(LoadBalancerKind.RoundRobin, Locality(0, 1, 1), Locality(1, 1, 2));
        var (first, second) = (cluster.Endpoints.First(), cluster.Endpoints.Last());
        Assert.Same(first, cluster.Pick());

        cluster.Members.BackOff(first);

        Assert.Same(second, cluster.Pick());
    }

    [Fact]
    public void Draining_endpoint_takes_calls_only_when_there_is_nobody_else()
    {
        var draining = Endpoint(1) with { Health = EndpointHealth.Draining };
        var both = _table.Acquire(State("a", LoadBalancerKind.RoundRobin, new LocalityConfig { Endpoints = [draining, Endpoint(2)] }))!;
        var alone = _table.Acquire(State("b", LoadBalancerKind.RoundRobin, new LocalityConfig { Endpoints = [draining] }))!;
        var none = _table.Acquire(State("c", LoadBalancerKind.RoundRobin, new LocalityConfig { Endpoints = [draining with { Health = EndpointHealth.Unhealthy }] }))!;

        Assert.All(Enumerable.Range(0, 10), _ => Assert.Equal(Endpoint(2).Address, both.Pick()!.Address));
        Assert.Equal(draining.Address, alone.Pick()!.Address);
        Assert.Null(none.Pick());
    }

    [Fact]
    public void Removed_endpoint_finishes_what_runs_and_takes_nothing_new()
    {
        var before = Acquire(LoadBalancerKind.RoundRobin, Locality(0, 1, 1, 2));
        var (stays, leaves) = (before.Endpoints.First(), before.Endpoints.Last());
        Assert.True(leaves.TryStart());

        var after = Acquire(LoadBalancerKind.RoundRobin, Locality(0, 1, 1));
        _table.Release(before);

        Assert.Same(stays, Assert.Single(after.Endpoints));
        Assert.True(leaves.IsRemoved);
        Assert.Equal(0, _disposed);

        leaves.Finish();
        Assert.Equal(1, _disposed);
        Assert.False(leaves.TryStart());
        Assert.Equal(0, leaves.ActiveCalls);
    }

    [Fact]
    public void Same_config_is_compiled_once_however_many_hosts_use_it()
    {
        var state = State("catalog", LoadBalancerKind.RoundRobin, Locality(0, 1, 1));

        var first = _table.Acquire(state)!;
        var second = _table.Acquire(state)!;
        Assert.Same(first, second);

        _table.Release(first);
        Assert.False(first.Endpoints.First().IsRemoved);
        _table.Release(second);
        Assert.True(first.Endpoints.First().IsRemoved);
    }

    [Fact]
    public void Change_of_expected_peers_makes_new_connections()
    {
        Assert.Same(EndpointFor("a"), EndpointFor("a"));
        Assert.NotSame(EndpointFor("a"), EndpointFor("b"));
    }

    [Fact]
    public void Budget_lets_a_burst_through_but_not_a_storm()
    {
        var budget = new RetryBudget();
        for (var i = 0; i < 1000; i++)
        {
            budget.Deposit();
        }

        var granted = Enumerable.Range(0, 500).Count(_ => budget.TryTake(activeCalls: 10));

        // Three at once, and the hundred saved.
        Assert.InRange(granted, 100, 103);
    }

    private ClusterEndpoint EndpointFor(string peer)
    {
        var tls = new UpstreamTlsConfig { PeerNames = [StringMatcher.Exact($"spiffe://mesh.local/ns/shop/sa/{peer}")] };
        var state = new ClusterState { Config = new ClusterConfig { Name = "catalog", Tls = tls }, Endpoints = Configs.Endpoints("catalog", Endpoint(1)) };
        return Assert.Single(_table.Acquire(state)!.Endpoints);
    }

    private Cluster Acquire(LoadBalancerKind kind, params LocalityConfig[] localities) => _table.Acquire(State("catalog", kind, localities))!;

    private static ClusterState State(string name, LoadBalancerKind kind, params LocalityConfig[] localities) => new()
    {
        Config = new ClusterConfig { Name = name, LoadBalancer = new LoadBalancerConfig { Kind = kind } },
        Endpoints = new EndpointsConfig { Name = name, Localities = [.. localities] },
    };

    private static LocalityConfig Locality(int priority, uint weight, params int[] endpoints)
        => new() { Zone = $"{priority}-{string.Join('-', endpoints)}", Priority = priority, Weight = weight, Endpoints = [.. endpoints.Select(Endpoint)] };

    private static EndpointConfig Endpoint(int number) => new() { Address = new IPEndPoint(IPAddress.Parse($"10.0.0.{number}"), 80) };

    private sealed class DisposeCounter(Action disposed) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            disposed();
            base.Dispose(disposing);
        }
    }
}
