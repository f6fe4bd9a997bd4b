using System.Net;
using System.Net.Security;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.TestSupport;

/// <summary>A real Kestrel server on a free loopback port: plaintext, or mesh TLS with the identity of each moment.</summary>
internal sealed class TestBackend : IAsyncDisposable
{
    private readonly WebApplication _app;

    private TestBackend(WebApplication app, LogGuard logs)
    {
        _app = app;
        Logs = logs;
        Address = new IPEndPoint(IPAddress.Loopback, new Uri(app.Urls.First()).Port);
    }

    public IPEndPoint Address { get; }

    public LogGuard Logs { get; }

    /// <summary>Starts a plaintext backend that speaks HTTP/1.1, or only HTTP/2 with prior knowledge.</summary>
    public static Task<TestBackend> StartAsync(RequestDelegate respond, HttpProtocols protocols = HttpProtocols.Http1)
        => StartAsync(respond, listen => listen.Protocols = protocols);

    /// <summary>Starts a backend that speaks mesh TLS and takes the callers that <paramref name="allowed"/> lets in (default: every proved one).</summary>
    public static Task<TestBackend> StartAsync(RequestDelegate respond, IdentitySource identity, PeerAuthorizer? allowed = null)
        => StartAsync(respond, listen => listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            OnConnection = _ => new(SpiffeTls.ForServer(
                identity.Current ?? throw new InvalidOperationException("The test's identity source is empty."),
                allowed ?? (static _ => true),
                [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11])),
        }));

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        Logs.Dispose();
    }

    public static async Task<TestBackend> StartAsync(RequestDelegate respond, Action<ListenOptions> configure)
    {
        var logs = new LogGuard();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.AddProvider(logs);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, configure));
        var app = builder.Build();
        app.Run(respond);
        await app.StartAsync();
        return new TestBackend(app, logs);
    }
}
