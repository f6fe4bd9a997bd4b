using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Federation;

/// <summary>Serves our bundle to other trust domains, on a port where there is nothing else, to anyone who asks: it holds public keys only.</summary>
internal static class BundleEndpoint
{
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    private static readonly List<SslApplicationProtocol> Protocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11];

    /// <summary>Whether a request came by this port.</summary>
    public static bool IsOf(HttpContext http) => http.Features.Get<Door>() is not null;

    /// <summary>Listens with the certificate of the options, or with the control plane's SVID of the moment.</summary>
    public static void ListenBundleEndpoint(this KestrelServerOptions kestrel, IPEndPoint address, MeshFederationOptions options)
    {
        var web = options.Certificate.Length > 0 ? new WebCertificate(options.Certificate, options.CertificateKey) : null;
        var identity = kestrel.ApplicationServices.GetRequiredService<ControlPlaneIdentitySource>();
        kestrel.Listen(address, listen =>
        {
            listen.Protocols = HttpProtocols.Http1AndHttp2;
            listen.UseHttps(new TlsHandshakeCallbackOptions
            {
                HandshakeTimeout = HandshakeTimeout,
                OnConnection = async context => new SslServerAuthenticationOptions
                {
                    ServerCertificateContext = web?.Current ?? (await identity.GetAsync(context.CancellationToken)).CertificateContext,
                    EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                    ApplicationProtocols = Protocols,
                    AllowRenegotiation = false,
                },
            });
            listen.Use(static next => connection =>
            {
                connection.Features.Set(new Door());
                return next(connection);
            });
        });
    }

    /// <summary>Answers a request of this port.</summary>
    public static Task AnswerAsync(HttpContext http)
    {
        if (http.Request.Path != "/")
        {
            http.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        }

        if (!HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsHead(http.Request.Method))
        {
            http.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            http.Response.Headers.Allow = "GET, HEAD";
            return Task.CompletedTask;
        }

        var document = SpiffeBundleWriter.Write(http.RequestServices.GetRequiredService<OwnBundle>().Current);
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = document.Length;
        return HttpMethods.IsHead(http.Request.Method) ? Task.CompletedTask : http.Response.Body.WriteAsync(document, http.RequestAborted).AsTask();
    }

    private sealed class Door;
}
