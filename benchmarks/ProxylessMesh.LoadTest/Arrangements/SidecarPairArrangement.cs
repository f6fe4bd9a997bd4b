using System.Diagnostics;
using System.Globalization;
using ProxylessMesh.LoadTest.Processes;

namespace ProxylessMesh.LoadTest.Arrangements;

/// <summary>
/// What a sidecar mesh does, with YARP in both places: plaintext HTTP/2 to the caller's proxy, mTLS between the proxies, plaintext
/// HTTP/2 to the server.
/// </summary>
internal sealed class SidecarPairArrangement : IArrangement
{
    private readonly ChildProcess _server;
    private readonly ChildProcess _inbound;
    private readonly ChildProcess _outbound;

    private SidecarPairArrangement(ChildProcess server, ChildProcess inbound, ChildProcess outbound)
    {
        _server = server;
        _inbound = inbound;
        _outbound = outbound;
        Target = new Uri($"http://localhost:{outbound.Port}/payload");
        Client = new HttpMessageInvoker(new SocketsHttpHandler { EnableMultipleHttp2Connections = true, UseProxy = false, UseCookies = false, ActivityHeadersPropagator = null });
    }

    public string Name => "two YARP sidecars";

    public HttpMessageInvoker Client { get; }

    public Uri Target { get; }

    public IReadOnlyList<Process> Processes => [_server.Process, _inbound.Process, _outbound.Process];

    public static async Task<SidecarPairArrangement> StartAsync(string certificateFolder)
    {
        var server = await ChildProcess.StartAsync("plain-server", new Dictionary<string, string>());
        var inbound = await ChildProcess.StartAsync("inbound-proxy", Environment(certificateFolder, server.Port));
        var outbound = await ChildProcess.StartAsync("outbound-proxy", Environment(certificateFolder, inbound.Port));
        return new SidecarPairArrangement(server, inbound, outbound);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _outbound.DisposeAsync();
        await _inbound.DisposeAsync();
        await _server.DisposeAsync();
    }

    private static Dictionary<string, string> Environment(string certificateFolder, int next) => new()
    {
        [LoadTestCertificates.FolderVariable] = certificateFolder,
        [SidecarRole.NextPortVariable] = next.ToString(CultureInfo.InvariantCulture),
    };
}
