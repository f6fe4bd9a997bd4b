using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using ProxylessMesh.Authentication;

namespace ProxylessMesh.Listening;

/// <summary>Ends a connection whose peer is no longer trusted, or soon will not be.</summary>
/// <remarks>
/// Kestrel asks each connection once a second whether it still should be there: no timer of ours. A request to close is GOAWAY, or
/// Connection: close: calls that run end by themselves, and the peer comes again with what it has now.
/// </remarks>
internal static class ConnectionFarewell
{
    public static void Prepare(ConnectionContext connection, PeerTrust trust)
    {
        if (connection.Features.Get<IConnectionHeartbeatFeature>() is { } heartbeat && connection.Features.Get<IConnectionLifetimeNotificationFeature>() is { } lifetime)
        {
            heartbeat.OnHeartbeat(
                static state =>
                {
                    var (trust, lifetime) = ((PeerTrust, IConnectionLifetimeNotificationFeature))state;
                    if (trust.IsEnding)
                    {
                        lifetime.RequestClose();
                    }
                },
                (trust, lifetime));
        }
    }
}
