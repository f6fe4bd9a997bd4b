using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Client.Outbound;
using ProxylessMesh.Client.Resilience;
using ProxylessMesh.Client.Snapshots;
using ProxylessMesh.Client.Telemetry;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Client;

namespace ProxylessMesh.Benchmarks;

/// <summary>The client side over transports that answer at once: everything between the application and the socket, without the socket.</summary>
internal sealed class MeshUnderBenchmark : IXdsClient
{
    private readonly Func<string, XdsConfig> _configs;

    public MeshUnderBenchmark(HttpMessageInvoker transport, Func<string, XdsConfig> configs)
    {
        _configs = configs;
        var meters = new ServiceCollection().AddMetrics().BuildServiceProvider().GetRequiredService<IMeterFactory>();
        var meter = new MeshMeter(meters);
        Compiler = new SnapshotCompiler(new EndpointTable((_, _, _) => transport, TimeProvider.System, meter, NullLogger<EndpointTable>.Instance), TimeProvider.System);
        Snapshots = new SnapshotSource(this, Compiler, TimeProvider.System, NullLogger<SnapshotSource>.Instance);
        Handler = new MeshHttpHandler(Snapshots, new CallServices(TimeProvider.System, meter, new FaultInjector(TimeProvider.System, meter), new MirrorSender(TimeProvider.System, meter), 64 * 1024), new MeshOptions.OutboundOptions(), new SocketsHttpHandler());
    }

    public SnapshotCompiler Compiler { get; }

    public SnapshotSource Snapshots { get; }

    public MeshHttpHandler Handler { get; }

    public IDisposable WatchTarget(string listenerName, XdsWatcher<XdsConfig> watcher)
    {
        watcher(new XdsUpdate<XdsConfig>.Ready(_configs(listenerName)));
        return new NoSubscription();
    }

    public IDisposable WatchInbound(string listenerName, XdsWatcher<InboundConfig> watcher) => throw new NotSupportedException("The benchmarks have no inbound side here.");

    private sealed class NoSubscription : IDisposable
    {
        public void Dispose()
        {
            // Nothing is subscribed to: the config came at once.
        }
    }
}
