using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Outbound;

public sealed class CircuitBreakerTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_priority_has_its_own_limit()
    {
        await using var backend = await HeldBackend.StartAsync();
        var cluster = new ClusterConfig
        {
            Name = "catalog",
            CircuitBreaker = new CircuitBreakerConfig { MaxRequests = 1 },
            HighPriorityCircuitBreaker = new CircuitBreakerConfig { MaxRequests = 1 },
        };
        var high = Configs.Forward("catalog") with { IsHighPriority = true };
        await using var mesh = TestMesh.With(Configs.Host("catalog", [Configs.Route(high, "/urgent"), Configs.Route(Configs.Forward("catalog"))], Configs.Cluster(cluster, backend.Server.Address)));
        using var client = mesh.Client();

        var first = client.GetAsync(new Uri("http://catalog/"), TestEnd);
        var urgent = client.GetAsync(new Uri("http://catalog/urgent"), TestEnd);
        await backend.AskedAsync(2);
        var second = await Assert.ThrowsAsync<MeshException>(() => client.GetAsync(new Uri("http://catalog/"), TestEnd));
        var secondUrgent = await Assert.ThrowsAsync<MeshException>(() => client.GetAsync(new Uri("http://catalog/urgent"), TestEnd));
        backend.GoOn();

        Assert.Equal(MeshError.CircuitBreakerOpen, second.Error);
        Assert.Contains("maxRequests", second.Message, StringComparison.Ordinal);
        Assert.Contains("high priority", secondUrgent.Message, StringComparison.Ordinal);
        await Task.WhenAll(first, urgent);
        RetryTests.AssertIdle(mesh);
        Assert.Equal(0, mesh.Cluster("catalog").Members.HighPriorityBreaker.Active);
    }

    [Fact]
    public async Task Calls_above_the_limit_of_connections_wait_for_those_that_are_there()
    {
        await using var backend = await HeldBackend.StartAsync();
        await using var mesh = TestMesh.With(Configs.Host("catalog", Configs.Forward("catalog"), Configs.Cluster(Limited(new CircuitBreakerConfig { MaxConnections = 2 }), backend.Server.Address)));
        using var client = mesh.Client();

        var calls = Enumerable.Range(0, 10).Select(_ => client.GetStringAsync(new Uri("http://catalog/"), TestEnd)).ToList();
        await backend.AskedAsync(2);
        Assert.Equal(2, mesh.Cluster("catalog").Members.Connections.Open);
        Assert.Equal(8, mesh.Cluster("catalog").Endpoints.Single().Pending);
        backend.GoOn();
        await Task.WhenAll(calls);

        Assert.Equal(2, backend.Connections);
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Endpoint_without_a_connection_gets_one_whatever_the_limit()
    {
        await using var one = await HeldBackend.StartAsync();
        await using var other = await HeldBackend.StartAsync();
        await using var mesh = TestMesh.With(Configs.Host(
            "catalog", Configs.Forward("catalog"), Configs.Cluster(Limited(new CircuitBreakerConfig { MaxConnections = 1 }), one.Server.Address, other.Server.Address)));
        using var client = mesh.Client();

        var calls = Enumerable.Range(0, 2).Select(_ => client.GetStringAsync(new Uri("http://catalog/"), TestEnd)).ToList();
        await one.AskedAsync(1);
        await other.AskedAsync(1);
        one.GoOn();
        other.GoOn();
        await Task.WhenAll(calls);

        Assert.Equal(2, mesh.Cluster("catalog").Members.Connections.Open);
    }

    [Fact]
    public async Task Calls_above_the_limit_of_those_that_wait_fail_at_once()
    {
        await using var backend = await HeldBackend.StartAsync();
        var limits = new CircuitBreakerConfig { MaxConnections = 1, MaxPendingRequests = 2 };
        await using var mesh = TestMesh.With(Configs.Host("catalog", Configs.Forward("catalog"), Configs.Cluster(Limited(limits), backend.Server.Address)));
        using var client = mesh.Client();

        List<Task<string>> calls = [client.GetStringAsync(new Uri("http://catalog/"), TestEnd)];
        await backend.AskedAsync(1);
        calls.Add(client.GetStringAsync(new Uri("http://catalog/"), TestEnd));
        calls.Add(client.GetStringAsync(new Uri("http://catalog/"), TestEnd));
        var error = await Assert.ThrowsAsync<MeshException>(() => client.GetStringAsync(new Uri("http://catalog/"), TestEnd));
        backend.GoOn();
        await Task.WhenAll(calls);

        Assert.Equal(MeshError.CircuitBreakerOpen, error.Error);
        Assert.Contains("maxPendingRequests", error.Message, StringComparison.Ordinal);
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task One_http2_connection_makes_nobody_wait()
    {
        await using var backend = await HeldBackend.StartAsync(HttpProtocols.Http2);
        var cluster = Limited(new CircuitBreakerConfig { MaxConnections = 1, MaxPendingRequests = 1 }) with { Http2 = true };
        await using var mesh = TestMesh.With(Configs.Host("catalog", Configs.Forward("catalog"), Configs.Cluster(cluster, backend.Server.Address)));
        using var client = mesh.Client();

        List<Task<string>> calls = [client.GetStringAsync(new Uri("http://catalog/"), TestEnd)];
        await backend.AskedAsync(1);
        calls.AddRange(Enumerable.Range(0, 20).Select(_ => client.GetStringAsync(new Uri("http://catalog/"), TestEnd)));
        await backend.AskedAsync(20);
        backend.GoOn();
        await Task.WhenAll(calls);

        Assert.Equal(1, backend.Connections);
    }

    [Fact]
    public async Task Closed_connections_give_their_places_back()
    {
        await using var backend = await HeldBackend.StartAsync();
        backend.GoOn();
        await using var mesh = TestMesh.With(Configs.Host("catalog", backend.Server.Address));
        using var client = mesh.Client();
        await client.GetStringAsync(new Uri("http://catalog/"), TestEnd);
        var members = mesh.Cluster("catalog").Members;
        var endpoint = mesh.Cluster("catalog").Endpoints.Single();
        Assert.Equal((1, 1), (members.Connections.Open, endpoint.Connections.Ready));

        mesh.Xds.Publish(Configs.Host("catalog", RetryTests.DeadEndpoint()));

        Assert.True(endpoint.IsRemoved);
        Assert.Equal((0, 0), (members.Connections.Open, endpoint.Connections.Ready));
    }

    [Fact]
    public async Task Failed_connects_give_their_places_back()
    {
        await using var mesh = TestMesh.With(Configs.Host("catalog", RetryTests.DeadEndpoint()));
        using var client = mesh.Client();

        await Assert.ThrowsAsync<MeshException>(() => client.GetStringAsync(new Uri("http://catalog/"), TestEnd));

        Assert.Equal(0, mesh.Cluster("catalog").Members.Connections.Open);
    }

    [Theory]
    [InlineData(2u, false, 0, 2)]
    [InlineData(2u, false, 1000, 2)]
    [InlineData(0u, false, 1000, 0)]
    [InlineData(2u, true, 0, 3)]
    [InlineData(2u, true, 100, 10)]
    [InlineData(uint.MaxValue, false, 0, 13)]
    public void Retries_go_by_the_budget_where_there_is_one_else_by_their_limit_else_by_the_default(uint maxRetries, bool hasBudget, int activeCalls, int expected)
    {
        var budget = new RetryBudget();
        budget.Use(new CircuitBreakerConfig { MaxRetries = maxRetries, HasRetryBudget = hasBudget, RetryBudgetPercent = 10, RetryBudgetMinConcurrency = 3 });

        Assert.Equal(expected, Enumerable.Range(0, 1000).Count(_ => budget.TryTake(activeCalls)));
    }

    private static ClusterConfig Limited(CircuitBreakerConfig limits) => new() { Name = "catalog", EdsName = "catalog", CircuitBreaker = limits };

    /// <summary>A backend that takes calls and answers them only when it is told to.</summary>
    private sealed class HeldBackend : IAsyncDisposable
    {
        private readonly TaskCompletionSource _goOn = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly SemaphoreSlim _asked = new(0);
        private readonly ConcurrentDictionary<string, bool> _connections = new();

        public TestBackend Server { get; private set; } = null!;

        public int Connections => _connections.Count;

        public static async Task<HeldBackend> StartAsync(HttpProtocols protocols = HttpProtocols.Http1)
        {
            var held = new HeldBackend();
            held.Server = await TestBackend.StartAsync(held.AnswerAsync, protocols);
            return held;
        }

        public void GoOn() => _goOn.SetResult();

        public async Task AskedAsync(int times)
        {
            for (var i = 0; i < times; i++)
            {
                await _asked.WaitAsync(TestEnd);
            }
        }

        public async ValueTask DisposeAsync()
        {
            await Server.DisposeAsync();
            _asked.Dispose();
        }

        private async Task AnswerAsync(HttpContext http)
        {
            _connections[http.Connection.Id] = true;
            _asked.Release();
            await _goOn.Task;
            await http.Response.WriteAsync("fine");
        }
    }
}
