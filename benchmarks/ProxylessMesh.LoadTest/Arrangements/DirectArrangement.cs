using System.Diagnostics;
using ProxylessMesh.LoadTest.Processes;

namespace ProxylessMesh.LoadTest.Arrangements;

/// <summary>The floor: SocketsHttpHandler straight to Kestrel, HTTP/2 over mTLS, nothing else.</summary>
internal sealed class DirectArrangement : IArrangement
{
    private readonly ChildProcess _server;

    private DirectArrangement(ChildProcess server, LoadTestCertificates certificates)
    {
        _server = server;
        Target = new Uri($"https://localhost:{server.Port}/payload");
        Client = new HttpMessageInvoker(new SocketsHttpHandler
        {
            SslOptions = certificates.ForClient(),
            EnableMultipleHttp2Connections = true,
            UseProxy = false,
            UseCookies = false,
            ActivityHeadersPropagator = null,
        });
    }

    public string Name => "direct mTLS";

    public HttpMessageInvoker Client { get; }

    public Uri Target { get; }

    public IReadOnlyList<Process> Processes => [_server.Process];

    public static async Task<DirectArrangement> StartAsync(string certificateFolder)
    {
        var server = await ChildProcess.StartAsync("tls-server", new Dictionary<string, string> { [LoadTestCertificates.FolderVariable] = certificateFolder });
        return new DirectArrangement(server, LoadTestCertificates.Load(certificateFolder));
    }

    public ValueTask DisposeAsync()
    {
        Client.Dispose();
        return _server.DisposeAsync();
    }
}
