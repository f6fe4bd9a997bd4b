using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Client;

namespace ProxylessMesh.Tests.Listening;

public sealed class DrainTests : IAsyncLifetime
{
    private readonly TestCa _ca = TestCa.Create();
    private readonly LogGuard _logs = new();
    private readonly PolicySource _policies = new();
    private WorkloadBoard _board = null!;
    private Func<uint, Task> _onDrain = static _ => Task.CompletedTask;

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _board = await WorkloadBoard.StartAsync(_ca, (_, port) => _onDrain(port));

    public async ValueTask DisposeAsync()
    {
        await _board.DisposeAsync();
        _logs.Dispose();
    }

    [Fact]
    public async Task Process_serves_only_when_it_has_its_policy()
    {
        _policies.Withhold = true;
        _logs.Expect("Health check mesh-inbound");
        await using var app = await StartAsync();
        await _board.WaitForServingAsync(0, TestEnd);
        Assert.Equal(HealthStatus.Unhealthy, await ReadinessAsync(app));

        _policies.Push(Policies.Strict());
        await _board.WaitForServingAsync(1, TestEnd);

        Assert.Equal(HealthStatus.Healthy, await ReadinessAsync(app));
    }

    [Fact]
    public async Task Unhealthy_application_is_told_to_be_not_serving()
    {
        var healthy = false;
        _logs.Expect("Health check database");
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        await using var app = await StartAsync(configure: builder =>
        {
            builder.Services.AddSingleton<TimeProvider>(time);
            builder.Services.AddHealthChecks().AddCheck("database", () => Volatile.Read(ref healthy) ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy());
        });
        await _logs.WaitForAsync("Peers of the mesh reach", TestEnd);
        Assert.Empty(_board.Serving);

        Volatile.Write(ref healthy, true);
        while (_board.Serving.Length == 0)
        {
            time.Advance(TimeSpan.FromSeconds(5));
            await Task.Yield();
        }

        Assert.Single(_board.Serving);
    }

    [Fact]
    public async Task Calls_are_served_until_every_caller_has_taken_the_drain_and_those_that_run_then_finish()
    {
        var inside = NewSignal();
        var finish = NewSignal();
        var draining = NewSignal();
        var taken = NewSignal();
        _onDrain = _ =>
        {
            draining.SetResult();
            return taken.Task;
        };
        await using var app = await StartAsync(async http =>
        {
            if (http.Request.Path == "/slow")
            {
                inside.SetResult();
                await finish.Task;
            }

            await http.Response.WriteAsync("served");
        });
        await _board.WaitForServingAsync(1, TestEnd);
        using var client = Client(app);
        var slow = client.GetStringAsync("/slow", TestEnd);
        await inside.Task.WaitAsync(TestEnd);

        var stopping = app.StopAsync(TestEnd);
        await draining.Task.WaitAsync(TestEnd);
        Assert.Equal("served", await client.GetStringAsync("/", TestEnd));
        using var another = Client(app);
        Assert.Equal("served", await another.GetStringAsync("/", TestEnd));
        Assert.False(stopping.IsCompleted);

        taken.SetResult();
        await _logs.WaitForAsync("has taken that this process drains", TestEnd);
        finish.SetResult();

        Assert.Equal("served", await slow);
        await stopping;
        Assert.Equal(["registered", "drain", "gone"], _board.Story.Except(["health"]));
    }

    [Fact]
    public async Task Drain_that_nobody_answers_is_bounded()
    {
        _onDrain = static _ => NewSignal().Task;
        await using var app = await StartAsync(configure: static builder => builder.Configuration["Mesh:Inbound:DrainTimeout"] = "00:00:00.2");
        await _board.WaitForServingAsync(1, TestEnd);

        await app.StopAsync(TestEnd);

        await _logs.WaitForAsync("Stopping without word", TestEnd);
    }

    [Fact]
    public async Task Rolling_restart_under_load_loses_no_call_POSTs_included()
    {
        // A caller has taken the drain when no call of its that was given to the endpoint is still on its way there.
        var clients = new System.Collections.Concurrent.ConcurrentDictionary<uint, HttpClient>();
        var apps = new Queue<WebApplication>();
        var rounds = new int[8];
        using var end = CancellationTokenSource.CreateLinkedTokenSource(TestEnd);
        _onDrain = async _ =>
        {
            var before = rounds.Select((_, caller) => Volatile.Read(ref rounds[caller])).ToArray();
            while (!end.IsCancellationRequested && before.Where((round, caller) => Volatile.Read(ref rounds[caller]) == round).Any())
            {
                await Task.Yield();
            }
        };
        for (var i = 0; i < 2; i++)
        {
            apps.Enqueue(await StartAsync(Echo));
        }

        await _board.WaitForServingAsync(2, TestEnd);
        var answered = 0;
        var load = rounds.Select((_, caller) => Task.Run(async () =>
        {
            while (!end.IsCancellationRequested)
            {
                var serving = _board.Serving;
                var port = serving[Random.Shared.Next(serving.Length)];
                using var content = new StringContent("order");
                using var answer = await clients.GetOrAdd(port, Client).PostAsync("/", content, TestEnd);
                Assert.Equal("order", await answer.Content.ReadAsStringAsync(TestEnd));
                Interlocked.Increment(ref answered);
                Interlocked.Increment(ref rounds[caller]);
            }
        }, TestEnd)).ToList();

        for (var restart = 0; restart < 4; restart++)
        {
            apps.Enqueue(await StartAsync(Echo));
            await _board.WaitForServingAsync(3, TestEnd);
            var before = Volatile.Read(ref answered);
            while (Volatile.Read(ref answered) < before + 50 && !load.Any(static one => one.IsFaulted))
            {
                await Task.Yield();
            }

            await using var old = apps.Dequeue();
            await old.StopAsync(TestEnd);
        }

        await end.CancelAsync();
        await Task.WhenAll(load);
        Assert.True(answered >= 200);
        foreach (var app in apps)
        {
            await app.DisposeAsync();
        }

        foreach (var client in clients.Values)
        {
            client.Dispose();
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static async Task Echo(HttpContext http)
    {
        using var reader = new StreamReader(http.Request.Body);
        await http.Response.WriteAsync(await reader.ReadToEndAsync(http.RequestAborted));
    }

    private static async Task<HealthStatus> ReadinessAsync(WebApplication app)
        => (await app.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(static check => check.Name == "mesh-inbound", TestEnd)).Status;

    private HttpClient Client(WebApplication app) => Client((uint)new Uri(app.Urls.First()).Port);

    private HttpClient Client(uint port) => MeshApp.ClientTo(new IPEndPoint(IPAddress.Loopback, (int)port), _ca.Issue("shop", "storefront"));

    private async Task<WebApplication> StartAsync(RequestDelegate? respond = null, Action<WebApplicationBuilder>? configure = null)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { EnvironmentName = "Test" });
        builder.Logging.ClearProviders().AddProvider(_logs);
        builder.WebHost.UseSetting(WebHostDefaults.ServerUrlsKey, "http://127.0.0.1:0");
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Mesh:Service"] = "catalog",
            ["Mesh:Namespace"] = "shop",
            ["Mesh:ControlPlane"] = _board.Address.ToString(),
            ["Mesh:JoinToken"] = JoinToken.Create(new byte[32]).Text, // the identity is the test's, so nobody redeems it
        });
        builder.Services.AddSingleton<IdentitySource>(new TestIdentitySource(_ca.Issue("shop", "catalog")));
        builder.Services.AddSingleton<IXdsClient>(_policies);
        configure?.Invoke(builder);
        builder.AddMesh();
        var app = builder.Build();
        app.Run(respond ?? (static http => http.Response.WriteAsync("served")));
        await app.StartAsync(TestEnd);
        return app;
    }

    /// <summary>Answers every inbound watch at once with STRICT, unless told to wait.</summary>
    private sealed class PolicySource : IXdsClient
    {
        private readonly List<XdsWatcher<InboundConfig>> _watchers = [];

        public bool Withhold { get; set; }

        public IDisposable WatchTarget(string listenerName, XdsWatcher<XdsConfig> watcher) => new MemoryStream();

        public IDisposable WatchInbound(string listenerName, XdsWatcher<InboundConfig> watcher)
        {
            if (Withhold)
            {
                _watchers.Add(watcher);
            }
            else
            {
                watcher(new XdsUpdate<InboundConfig>.Ready(Policies.Strict()));
            }

            return new MemoryStream();
        }

        public void Push(InboundConfig policy) => _watchers.ForEach(watcher => watcher(new XdsUpdate<InboundConfig>.Ready(policy)));
    }
}
