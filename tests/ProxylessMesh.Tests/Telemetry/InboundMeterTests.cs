using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.TestSupport;
using static ProxylessMesh.Tests.Policies;

namespace ProxylessMesh.Tests.Telemetry;

public sealed class InboundMeterTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Decisions_plaintext_callers_and_failed_handshakes_are_counted()
    {
        await using var app = await MeshApp.StartAsync(Permissive(Deny(Policy("no-intruder", Anything, Principal("intruder"))), ShadowDeny(Policy("planned", Anything, Principal("storefront")))));
        using var counts = new Counts(app.Services.GetRequiredService<IMeterFactory>());
        using var storefront = app.Client();
        using var intruder = app.Client("intruder");
        using var plaintext = app.PlaintextClient();
        using var stranger = app.Client(TestCa.Create().Issue("shop", "storefront", bundles: app.Ca.Bundles));

        await storefront.GetStringAsync("/", TestEnd);
        await storefront.GetStringAsync("/", TestEnd);
        await plaintext.GetStringAsync("/", TestEnd);
        using var denied = await intruder.GetAsync("/", TestEnd);
        await Assert.ThrowsAnyAsync<Exception>(() => stranger.GetAsync("/", TestEnd));
        await app.Logs.WaitForAsync("No TLS handshake", TestEnd);

        Assert.Equal(3, counts["proxyless_mesh.inbound.decisions outcome=allowed policy=none"]);
        Assert.Equal(1, counts["proxyless_mesh.inbound.decisions outcome=denied policy=no-intruder"]);
        Assert.Equal(2, counts["proxyless_mesh.inbound.decisions outcome=shadow_denied policy=planned"]);
        Assert.Equal(1, counts[$"proxyless_mesh.inbound.plaintext_connections server.port={app.Address.Port} accepted=True"]);
        Assert.Equal(1, counts[$"proxyless_mesh.inbound.handshakes server.port={app.Address.Port} error.type=untrusted"]);
        Assert.Equal(2, counts[$"proxyless_mesh.inbound.handshakes server.port={app.Address.Port}"]);
        Assert.Equal(2, counts[$"proxyless_mesh.inbound.connections server.port={app.Address.Port} mode=mtls"]);
        Assert.Equal(1, counts[$"proxyless_mesh.inbound.connections server.port={app.Address.Port} mode=plaintext"]);
    }

    /// <summary>What this application counted, by instrument and tags.</summary>
    private sealed class Counts : IDisposable
    {
        private readonly ConcurrentDictionary<string, long> _counts = new(StringComparer.Ordinal);
        private readonly MeterListener _listener = new();

        public Counts(IMeterFactory owner)
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Scope == owner && instrument.Name.StartsWith("proxyless_mesh.inbound.", StringComparison.Ordinal))
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
            {
                var key = instrument.Name;
                foreach (var (name, tag) in tags)
                {
                    key += $" {name}={tag}";
                }

                _counts.AddOrUpdate(key, value, (_, before) => before + value);
            });
            _listener.Start();
        }

        public long this[string key] => _counts.GetValueOrDefault(key);

        public void Dispose() => _listener.Dispose();
    }
}
