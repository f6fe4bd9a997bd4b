using System.Net.Security;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using ProxylessMesh.Snapshots;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Listening;

/// <summary>
/// Puts mesh TLS on a Kestrel endpoint: the gate looks at the first bytes, Kestrel's own HTTPS does the handshake with the identity of
/// that moment, and the arrival names the peer. A plaintext connection that may pass goes from the gate straight to HTTP.
/// </summary>
internal sealed class InboundTls(ConnectionGate gate, IdentitySource identity, HandshakeTimeout timeout, TlsPolicy policy)
{
    private readonly ConditionalWeakTable<ListenOptions, object> _done = [];

    /// <summary>Once per endpoint; a second call adds nothing.</summary>
    public void Use(ListenOptions listen)
    {
        if (!_done.TryAdd(listen, this))
        {
            return;
        }

        // QUIC would go past the gate.
        listen.Protocols &= HttpProtocols.Http1AndHttp2;

        // Kestrel builds a pipeline from its end to its start, so the end is known by the time the gate is made.
        ConnectionDelegate? http = null;
        List<SslApplicationProtocol> protocols = [];
        listen.Use(tls =>
        {
            protocols = MeshProtocols.Of(listen.Protocols);
            return gate.Between(tls, http!, new GateTimeouts(timeout.Value, listen.KestrelServerOptions.Limits.RequestHeadersTimeout));
        });
        listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            HandshakeTimeout = timeout.Value,
            OnConnection = context => new(Options(context.Connection, protocols)),
        });
        listen.Use(next =>
        {
            http = next;
            return connection => gate.ArriveAsync(connection, next, timeout.Value);
        });
    }

    private SslServerAuthenticationOptions Options(ConnectionContext connection, List<SslApplicationProtocol> protocols)
        => connection.Features.Get<InboundHandshake>() is { } handshake && identity.Current is { } current
            ? handshake.Options(current, protocols, policy.WithTls13(connection.Features.Get<InboundPort>()?.Current.RequiresTls13 == true))
            : throw new ConnectionAbortedException("The connection did not come through the mesh's gate.");
}

/// <summary>How long a peer may take from its first byte to the end of the handshake.</summary>
internal sealed record HandshakeTimeout(TimeSpan Value);
