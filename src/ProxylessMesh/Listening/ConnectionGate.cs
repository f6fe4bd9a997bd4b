using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Authentication;
using ProxylessMesh.Snapshots;
using ProxylessMesh.Spiffe;
using ProxylessMesh.Telemetry;

namespace ProxylessMesh.Listening;

/// <summary>
/// Decides by a connection's first bytes and the port's mode: to TLS, straight to HTTP, or away. STRICT takes TLS, PERMISSIVE both on
/// one port, DISABLE plaintext.
/// </summary>
internal sealed partial class ConnectionGate(
    InboundPorts ports,
    IdentitySource identity,
    ProbePaths probes,
    HandshakeLimit handshakes,
    InboundMeter meter,
    TimeProvider time,
    ILogger<ConnectionGate> logger)
{
    private readonly LogThrottle _throttle = new(time);

    /// <summary>The gate of one endpoint, in front of its TLS and its HTTP.</summary>
    public ConnectionDelegate Between(ConnectionDelegate tls, ConnectionDelegate http, GateTimeouts timeouts)
        => connection => EnterAsync(connection, tls, http, timeouts);

    /// <summary>Behind TLS: the peer is proved, or nobody gets further.</summary>
    public async Task ArriveAsync(ConnectionContext connection, ConnectionDelegate http, TimeSpan patience)
    {
        if (connection.Features.Get<InboundHandshake>() is not { Peer: { } peer } handshake)
        {
            connection.Abort(new ConnectionAbortedException("The TLS handshake proved no mesh identity."));
            return;
        }

        handshake.IsComplete = true;
        handshake.Place.Dispose();
        var port = connection.Features.Get<InboundPort>()!;
        meter.HandshakeEnded(port.Number, error: null);
        var serverName = connection.Features.Get<ITlsHandshakeFeature>()?.HostName;
        var trust = new PeerTrust(peer, identity, time);
        var caller = new MeshPeer(peer.Id, connection.RemoteEndPoint as IPEndPoint, connection.LocalEndPoint as IPEndPoint, serverName, trust);
        ConnectionFarewell.Prepare(connection, trust);
        connection.Features.Set<IMeshPeerFeature>(caller);
        try
        {
            if (port.Connections.EnterAs(caller.IdText!, port.Current.Connections))
            {
                using (var silence = new CancellationTokenSource(patience, time))
                {
                    await MeshProtocols.ResolveAsync(connection, silence.Token);
                }

                await ServeAsync(connection, http, port, mtls: true);
            }
            else
            {
                RefuseConnection(connection, port, caller.ToString(), caller.RemoteAddress, ofCaller: true);
            }
        }
        finally
        {
            port.Connections.LeaveAs(caller.IdText!);
        }
    }

    private async Task EnterAsync(ConnectionContext connection, ConnectionDelegate tls, ConnectionDelegate http, GateTimeouts timeouts)
    {
        var remote = (connection.RemoteEndPoint as IPEndPoint)?.Address;
        var port = ports.Get((connection.LocalEndPoint as IPEndPoint)?.Port ?? 0);
        connection.Features.Set(port);
        try
        {
            if (port.Connections.Enter(port.Current.Connections))
            {
                await PassAsync(connection, port, remote, tls, http, timeouts);
            }
            else
            {
                RefuseConnection(connection, port, remote?.ToString(), remote, ofCaller: false);
            }
        }
        finally
        {
            port.Connections.Leave();
        }
    }

    private async Task PassAsync(ConnectionContext connection, InboundPort port, IPAddress? remote, ConnectionDelegate tls, ConnectionDelegate http, GateTimeouts timeouts)
    {
        // A plaintext client may open connections ahead of need: it gets the time that Kestrel gives request headers.
        var patience = port.Current.Plaintext is null ? timeouts.Handshake : timeouts.Plaintext;
        var first = await PeekAsync(connection, patience);
        var snapshot = port.Current;
        switch (first)
        {
            case null:
                Fail(port, remote, "timeout", $"the peer sent nothing within {patience.TotalSeconds:0.#} seconds");
                connection.Abort(new ConnectionAbortedException("The peer sent nothing."));
                break;
            case FirstBytes.Closed:
                break;
            case FirstBytes.Tls when snapshot.Tls is not null:
                await HandshakeAsync(connection, port, remote, tls, timeouts.Handshake);
                break;
            case FirstBytes.Tls or FirstBytes.Http2 or FirstBytes.Other when snapshot.Plaintext is null && (probes.IsEmpty || first == FirstBytes.Tls):
                meter.PlaintextConnection(port.Number, accepted: false);
                if (_throttle.TryEnter(remote, "plaintext", out var suppressed))
                {
                    LogPlaintextRefused(remote, port.Number, suppressed);
                }

                connection.Abort(new ConnectionAbortedException("Plaintext on a port that takes mesh TLS only."));
                break;
            default:
                // On a STRICT port too, where probe paths are listed: RbacMiddleware answers those and nothing else.
                meter.PlaintextConnection(port.Number, accepted: true);
                connection.Features.Set<IMeshPeerFeature>(new MeshPeer(id: null, connection.RemoteEndPoint as IPEndPoint, connection.LocalEndPoint as IPEndPoint));
                if (first == FirstBytes.Http2)
                {
                    PriorKnowledge.Announce(connection);
                }

                await ServeAsync(connection, http, port, mtls: false);
                break;
        }
    }

    private async Task ServeAsync(ConnectionContext connection, ConnectionDelegate http, InboundPort port, bool mtls)
    {
        meter.ConnectionsChanged(port.Number, mtls, 1);
        try
        {
            await http(connection);
        }
        finally
        {
            meter.ConnectionsChanged(port.Number, mtls, -1);
        }
    }

    private async ValueTask<FirstBytes?> PeekAsync(ConnectionContext connection, TimeSpan patience)
    {
        using var deadline = new CancellationTokenSource(patience, time);
        try
        {
            return await FirstBytesReader.PeekAsync(connection.Transport.Input, deadline.Token);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        catch (IOException)
        {
            // Reset by the peer, most often a port scan or a TCP health check.
            return FirstBytes.Closed;
        }
    }

    private async Task HandshakeAsync(ConnectionContext connection, InboundPort port, IPAddress? remote, ConnectionDelegate tls, TimeSpan timeout)
    {
        if (identity.Current is null)
        {
            Fail(port, remote, "no_identity", "this process has no certificate yet. Check that the control plane is reachable and the join token is valid; the calls that come meanwhile are refused");
            connection.Abort(new ConnectionAbortedException("This process has no mesh identity yet."));
            return;
        }

        if (await TakeTurnAsync(remote, timeout) is not { } place)
        {
            Fail(port, remote, "busy", "as many others run as Mesh:Inbound:MaxHandshakes allows, or as one address may have of them, and none ended in time");
            connection.Abort(new ConnectionAbortedException("Too many TLS handshakes."));
            return;
        }

        using var turn = place;
        var handshake = new InboundHandshake { Place = place };
        connection.Features.Set(handshake);
        var started = time.GetTimestamp();

        // Kestrel ends a failed handshake quietly: no exception comes out of here.
        await tls(connection);
        if (!handshake.IsComplete)
        {
            // Kestrel's timer may fire some milliseconds early by this clock.
            var late = time.GetElapsedTime(started) >= timeout * 0.9;
            Fail(
                port,
                remote,
                handshake.Refusal?.Reason ?? (late ? "timeout" : "protocol"),
                handshake.Refusal?.Detail ?? (late ? $"it did not end within {timeout.TotalSeconds:0.#} seconds" : "the peer ended it, or speaks no TLS 1.2 or 1.3 that we share"));
        }
    }

    private async ValueTask<IDisposable?> TakeTurnAsync(IPAddress? remote, TimeSpan timeout)
    {
        using var patience = new CancellationTokenSource(timeout, time);
        try
        {
            return await handshakes.EnterAsync(remote ?? IPAddress.None, patience.Token);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private void RefuseConnection(ConnectionContext connection, InboundPort port, string? caller, IPAddress? remote, bool ofCaller)
    {
        meter.ConnectionRefused(port.Number, ofCaller);
        if (_throttle.TryEnter(remote, ofCaller ? "caller_connections" : "connections", out var suppressed))
        {
            LogConnectionRefused(caller, port.Number, ofCaller ? "this caller" : "the port", suppressed);
        }

        connection.Abort(new ConnectionAbortedException("The port has as many connections as it takes."));
    }

    private void Fail(InboundPort port, IPAddress? remote, string reason, string detail)
    {
        meter.HandshakeEnded(port.Number, reason);
        if (_throttle.TryEnter(remote, reason, out var suppressed))
        {
            LogHandshakeFailed(remote, port.Number, detail, suppressed);
        }
    }

    [LoggerMessage(4010, LogLevel.Warning, "Refused plaintext from {Remote} on port {Port}: its mode is STRICT. Give the caller AddMesh() or AddMeshClient(), or set the port's PeerAuthentication to PERMISSIVE while you migrate. Left out since the last such line: {Suppressed}.")]
    private partial void LogPlaintextRefused(IPAddress? remote, int port, long suppressed);

    [LoggerMessage(4011, LogLevel.Warning, "No TLS handshake with {Remote} on port {Port}: {Detail}. Left out since the last such line: {Suppressed}.")]
    private partial void LogHandshakeFailed(IPAddress? remote, int port, string detail, long suppressed);

    [LoggerMessage(4012, LogLevel.Warning, "Refused a connection of {Caller} to port {Port}: {Whose} has as many as its InboundLimits allow. Left out since the last such line: {Suppressed}.")]
    private partial void LogConnectionRefused(string? caller, int port, string whose, long suppressed);
}

/// <summary>How long a peer may stay silent.</summary>
/// <param name="Handshake">From its first byte to the end of the handshake, and before it on a port that takes TLS only.</param>
/// <param name="Plaintext">Before its first byte, on a port that takes plaintext too.</param>
internal readonly record struct GateTimeouts(TimeSpan Handshake, TimeSpan Plaintext);
