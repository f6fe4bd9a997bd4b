using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using ProxylessMesh.LoadTest.Processes;

namespace ProxylessMesh.LoadTest.Arrangements;

/// <summary>Servers without a mesh: 1 KiB on every path.</summary>
internal static class ServerRole
{
    public static Task RunTlsAsync()
    {
        var server = LoadTestCertificates.FromEnvironment().ForServer();
        return RunAsync(listen => listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(server) }));
    }

    public static Task RunPlainAsync() => RunAsync(static listen => listen.Protocols = HttpProtocols.Http2);

    /// <summary>The answer every arrangement's server gives.</summary>
    public static Task AnswerAsync(HttpContext http)
    {
        if (http.Request.Headers.TryGetValue("x-revision", out var revision))
        {
            http.Response.Headers["x-revision"] = revision;
        }

        http.Response.ContentLength = ParentWatch.Payload.Length;
        return http.Response.Body.WriteAsync(ParentWatch.Payload, 0, ParentWatch.Payload.Length, http.RequestAborted);
    }

    private static async Task RunAsync(Action<ListenOptions> listen)
    {
        var builder = ParentWatch.QuietBuilder();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(ParentWatch.AnyPort, listen));
        await using var app = builder.Build();
        app.Run(AnswerAsync);
        await ParentWatch.RunUntilParentEndsAsync(app);
    }
}
