using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>TLS of the control plane's one port: its own SVID of this moment; a client certificate is optional, but one that comes must be of the mesh.</summary>
internal static class ControlPlaneTls
{
    /// <summary>Turns a Kestrel endpoint into the mesh's door.</summary>
    public static ListenOptions UseMeshTls(this ListenOptions listen, ControlPlaneIdentitySource identity)
    {
        listen.Protocols = HttpProtocols.Http1AndHttp2;
        return listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            HandshakeTimeout = TimeSpan.FromSeconds(10),
            OnConnection = async context => SpiffeTls.ForServer(await identity.GetAsync(context.CancellationToken), static _ => true, ControlPlaneProtocols, ClientCertificate.Optional),
        });
    }

    private static List<System.Net.Security.SslApplicationProtocol> ControlPlaneProtocols => [System.Net.Security.SslApplicationProtocol.Http2, System.Net.Security.SslApplicationProtocol.Http11];
}
