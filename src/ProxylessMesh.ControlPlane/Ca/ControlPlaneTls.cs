using System.Net.Security;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
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
        var door = new MeshDoor(listen.ApplicationServices.GetRequiredService<RevokedIdentities>());
        listen.Protocols = HttpProtocols.Http1AndHttp2;
        listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            HandshakeTimeout = HandshakeTimeout,
            OnConnection = context => ValueTask.FromResult(SpiffeTls.ForServer(identity.For(context.ClientHelloInfo.ServerName), static _ => true, Protocols, ClientCertificate.Optional)),
        });
        listen.Use(next => connection =>
        {
            connection.Features.Set(door);
            return next(connection);
        });
        return listen;
    }
}
