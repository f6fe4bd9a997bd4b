using System.Net.Security;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>TLS of the control plane's one port: its own SVID of this moment; a client certificate is optional, but one that comes must be of the mesh.</summary>
internal static class ControlPlaneTls
{
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    private static readonly List<SslApplicationProtocol> Protocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11];

    /// <summary>Turns a Kestrel endpoint into the mesh's door.</summary>
    public static ListenOptions UseMeshTls(this ListenOptions listen, ControlPlaneIdentitySource identity)
    {
        listen.Protocols = HttpProtocols.Http1AndHttp2;
        listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            HandshakeTimeout = HandshakeTimeout,
            OnConnection = async context => SpiffeTls.ForServer(await identity.GetAsync(context.CancellationToken), static _ => true, Protocols, ClientCertificate.Optional),
        });
        listen.Use(static next => connection =>
        {
            connection.Features.Set(MeshDoor.Instance);
            return next(connection);
        });
        return listen;
    }
}
