using System.Collections.Concurrent;
using System.Net;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Client;

namespace ProxylessMesh.Snapshots;

/// <summary>Watches the inbound listener of each bound address and puts what comes in force.</summary>
internal sealed partial class InboundSubscriptions(IXdsClient xds, InboundPorts ports, TimeProvider time, ILogger<InboundSubscriptions> logger) : IDisposable
{
    // A process that starts asks for its policy while it still registers: no policy for a moment is how every start looks.
    private static readonly TimeSpan StartGrace = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<int, (ITimer Timer, string Reason)> _starting = new();
    private readonly List<IDisposable> _watches = [];

    /// <summary>Begins to watch.</summary>
    /// <param name="address">The address that peers are told, which the control plane knows this port by.</param>
    /// <param name="boundPort">The port that Kestrel listens on.</param>
    public InboundPort Watch(IPEndPoint address, int boundPort)
    {
        var port = ports.Get(boundPort);
        port.Advertised = address.Port;
        _watches.Add(xds.WatchInbound($"proxylessmesh/inbound/{address}", update => Apply(port, update)));
        return port;
    }

    public void Dispose()
    {
        foreach (var watch in _watches)
        {
            watch.Dispose();
        }

        _watches.Clear();
        foreach (var start in _starting.Values)
        {
            start.Timer.Dispose();
        }
    }

    private void Apply(InboundPort port, XdsUpdate<InboundConfig> update)
    {
        switch (update)
        {
            case XdsUpdate<InboundConfig>.Ready ready:
                var before = port.Current.Mode;
                var known = port.Current.HasPolicy;
                var snapshot = port.Publish(ready.Config);
                if (!known || before != snapshot.Mode)
                {
                    LogInForce(port.Number, snapshot.Mode);
                }

                break;

            // The last good policy stays: a control plane that forgot this workload, or is away, opens no door and closes none.
            case XdsUpdate<InboundConfig>.Missing missing when !port.Current.HasPolicy:
                LogNotYet(port.Number, missing.Reason);
                _starting.AddOrUpdate(
                    port.Number,
                    static (_, one) => (one.Self.StartTimer(one.Port), one.Reason),
                    static (_, before, one) => (before.Timer, one.Reason),
                    (Self: this, Port: port, missing.Reason));
                break;
            case XdsUpdate<InboundConfig>.Missing missing:
                LogWithoutPolicy(port.Number, missing.Reason, Consequence(port));
                break;
            case XdsUpdate<InboundConfig>.Failed failed:
                LogWithoutPolicy(port.Number, failed.Reason, Consequence(port));
                break;
        }
    }

    private ITimer StartTimer(InboundPort port) => time.CreateTimer(
        _ =>
        {
            if (!port.Current.HasPolicy && _starting.TryGetValue(port.Number, out var start))
            {
                LogWithoutPolicy(port.Number, start.Reason, Consequence(port));
            }
        },
        null,
        StartGrace,
        Timeout.InfiniteTimeSpan);

    private static string Consequence(InboundPort port) => port.Current.HasPolicy
        ? "The last policy stays in force."
        : "Calls to it are answered 503 until a policy comes. Check that the control plane is reachable and that this workload is registered ('mesh status').";

    [LoggerMessage(4000, LogLevel.Information, "Policy for port {Port} is in force, mode {Mode}.")]
    private partial void LogInForce(int port, string mode);

    [LoggerMessage(4002, LogLevel.Debug, "No policy for port {Port} yet: {Reason}")]
    private partial void LogNotYet(int port, string reason);

    [LoggerMessage(4001, LogLevel.Warning, "No new policy for port {Port}: {Reason} {Consequence}")]
    private partial void LogWithoutPolicy(int port, string reason, string consequence);
}
