using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using ProxylessMesh.LoadTest.Processes;
using Yarp.ReverseProxy.Forwarder;

namespace ProxylessMesh.LoadTest.Arrangements;

/// <summary>One YARP process of the sidecar pair.</summary>
internal static class SidecarRole
{
    public const string NextPortVariable = "LOADTEST_NEXT_PORT";

    /// <summary>The caller's proxy: plaintext in, mTLS out.</summary>
    public static Task RunOutboundAsync()
    {
        var certificates = LoadTestCertificates.FromEnvironment();
        var handler = new SocketsHttpHandler { SslOptions = certificates.ForClient(), EnableMultipleHttp2Connections = true, UseProxy = false, UseCookies = false, AllowAutoRedirect = false, ActivityHeadersPropagator = null };
        return RunAsync(static listen => listen.Protocols = HttpProtocols.Http2, handler, "https");
    }

    /// <summary>The server's proxy: mTLS in, plaintext out.</summary>
    public static Task RunInboundAsync()
    {
        var certificates = LoadTestCertificates.FromEnvironment();
        var server = certificates.ForServer();
        var handler = new SocketsHttpHandler { EnableMultipleHttp2Connections = true, UseProxy = false, UseCookies = false, AllowAutoRedirect = false, ActivityHeadersPropagator = null };
        return RunAsync(listen => listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(server) }), handler, "http");
    }

    private static async Task RunAsync(Action<ListenOptions> listen, SocketsHttpHandler handler, string scheme)
    {
        var builder = ParentWatch.QuietBuilder();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(ParentWatch.AnyPort, listen));
        builder.Services.AddHttpForwarder();
        await using var app = builder.Build();

        var next = $"{scheme}://localhost:{int.Parse(Environment.GetEnvironmentVariable(NextPortVariable)!, CultureInfo.InvariantCulture)}/";
        using var client = new HttpMessageInvoker(handler, disposeHandler: true);
        var forwarder = app.Services.GetRequiredService<IHttpForwarder>();
        var request = new ForwarderRequestConfig { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        app.Run(async http => await forwarder.SendAsync(http, next, client, request));
        await ParentWatch.RunUntilParentEndsAsync(app);
    }
}
