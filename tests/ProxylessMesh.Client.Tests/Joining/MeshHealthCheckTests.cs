using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Client.Snapshots;
using ProxylessMesh.Client.Telemetry;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.Client.Tests.Joining;

public sealed class MeshHealthCheckTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ready_only_with_a_certificate_that_is_valid_and_config_for_what_is_called()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        var identities = new TestIdentitySource();
        await using var mesh = new TestMesh(identities, time);
        mesh.Logs.Expect("Health check mesh with status Unhealthy");
        Assert.Contains("no certificate", (await CheckAsync(mesh)).Description, StringComparison.Ordinal);

        identities.Set(TestCa.Create().Issue("shop", "storefront"));
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(mesh)).Status);

        mesh.Services.GetRequiredService<SnapshotSource>().Find(new HostKey("catalog", 0));
        Assert.Contains("'catalog'", (await CheckAsync(mesh)).Description, StringComparison.Ordinal);

        mesh.Xds.Publish(Configs.Host("catalog"));
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(mesh)).Status);

        time.Advance(TimeSpan.FromHours(2));
        Assert.Contains("expired", (await CheckAsync(mesh)).Description, StringComparison.Ordinal);
    }

    [Fact]
    public async Task State_of_the_source_is_in_the_report_and_in_the_measurements()
    {
        var time = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        var source = new ScriptedSource(time);
        await using var mesh = new TestMesh(source, time);
        mesh.Logs.Expect("Health check mesh with status Unhealthy");
        mesh.Logs.Expect("Health check mesh with status Degraded");
        IdentityMetrics.Add(mesh.Services.GetRequiredService<IMeterFactory>(), source, time);
        using var measured = new Gauges(mesh.Services.GetRequiredService<IMeterFactory>());
        source.Refuse("the agent is away");
        var waiting = await CheckAsync(mesh);
        Assert.Contains("the agent is away", waiting.Description, StringComparison.Ordinal);
        Assert.Equal("Waiting", waiting.Data["identity.state"]);
        Assert.Equal(1, measured.Read()["proxyless_mesh.identity.state waiting"]);

        source.Give(TestCa.Create(time: time).Issue("shop", "storefront", TimeSpan.FromMinutes(55)));
        var ready = await CheckAsync(mesh);
        Assert.Equal(HealthStatus.Healthy, ready.Status);
        Assert.Equal("spiffe://mesh.local/ns/shop/sa/storefront", ready.Data["identity.id"]);
        var values = measured.Read();
        Assert.Equal(1, values["proxyless_mesh.identity.state ready"]);
        Assert.Equal(0, values["proxyless_mesh.identity.state waiting"]);
        Assert.InRange(values["proxyless_mesh.identity.expires_in"], (55 * 60) - 2, 55 * 60);
        Assert.Equal(1, values["proxyless_mesh.identity.rotations"]);
        Assert.Equal(1, values["proxyless_mesh.identity.failures"]);
        Assert.Equal(0, values["proxyless_mesh.identity.failing_for"]);

        // Half of the hour has gone and nothing is renewed: calls go on, so it is ready; in the last quarter somebody should look.
        time.Advance(TimeSpan.FromMinutes(30));
        source.Refuse("the agent is away");
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(mesh)).Status);
        time.Advance(TimeSpan.FromMinutes(11));
        var late = await CheckAsync(mesh);
        Assert.Equal(HealthStatus.Degraded, late.Status);
        Assert.Contains("the agent is away", late.Description, StringComparison.Ordinal);
        Assert.Equal("Stale", late.Data["identity.state"]);
        Assert.Equal(11 * 60, measured.Read()["proxyless_mesh.identity.failing_for"]);

        time.Advance(TimeSpan.FromMinutes(15));
        Assert.Equal(HealthStatus.Unhealthy, (await CheckAsync(mesh)).Status);
        Assert.Equal(1, measured.Read()["proxyless_mesh.identity.state expired"]);
    }

    private static async Task<HealthReportEntry> CheckAsync(TestMesh mesh)
    {
        var report = await mesh.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(static check => check.Name == "mesh", TestEnd);
        return report.Entries["mesh"];
    }

    /// <summary>A source that does what the test says.</summary>
    private sealed class ScriptedSource(TimeProvider time) : RenewingIdentitySource(time, NullLogger.Instance)
    {
        public override string Subject => "the test";

        public void Give(WorkloadIdentity identity) => PutInForce(identity, null);

        public void Refuse(string why) => Fail(new IdentityException(IdentityError.AgentUnreachable, why));

        protected override Task KeepAsync(CancellationToken stop) => Task.CompletedTask;
    }

    /// <summary>The observable instruments of one meter factory, read at once.</summary>
    private sealed class Gauges : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly Dictionary<string, double> _values = [];

        public Gauges(IMeterFactory meters)
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (ReferenceEquals(instrument.Meter.Scope, meters) && instrument.Name.StartsWith("proxyless_mesh.identity.", StringComparison.Ordinal))
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Set(instrument, value, tags));
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Set(instrument, value, tags));
            _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Set(instrument, value, tags));
            _listener.Start();
        }

        public Dictionary<string, double> Read()
        {
            _values.Clear();
            _listener.RecordObservableInstruments();
            return new Dictionary<string, double>(_values);
        }

        public void Dispose() => _listener.Dispose();

        private void Set(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
            => _values[tags.IsEmpty ? instrument.Name : $"{instrument.Name} {tags[0].Value}"] = value;
    }
}
