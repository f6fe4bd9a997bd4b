using System.Net;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Client;

namespace ProxylessMesh.Snapshots;

/// <summary>Watches the inbound listener of each bound address and puts what comes in force.</summary>
internal sealed partial class InboundSubscriptions(IXdsClient xds, InboundPorts ports, ILogger<InboundSubscriptions> logger) : IDisposable
{
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
            case XdsUpdate<InboundConfig>.Missing missing:
                LogWithoutPolicy(port.Number, missing.Reason, Consequence(port));
                break;
            case XdsUpdate<InboundConfig>.Failed failed:
                LogWithoutPolicy(port.Number, failed.Reason, Consequence(port));
                break;
        }
    }

    private static string Consequence(InboundPort port) => port.Current.HasPolicy
        ? "The last policy stays in force."
        : "Calls to it are answered 503 until a policy comes. Check that the control plane is reachable and that this workload is registered ('mesh status').";

    [LoggerMessage(4000, LogLevel.Information, "Policy for port {Port} is in force, mode {Mode}.")]
    private partial void LogInForce(int port, string mode);

    [LoggerMessage(4001, LogLevel.Warning, "No new policy for port {Port}: {Reason} {Consequence}")]
    private partial void LogWithoutPolicy(int port, string reason, string consequence);
}
