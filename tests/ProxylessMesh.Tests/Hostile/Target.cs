using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using Microsoft.AspNetCore.Builder;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds;

namespace ProxylessMesh.Tests.Hostile;

/// <summary>A mesh server that counts what reaches its application, and the ways to attack it over real sockets.</summary>
internal sealed class Target : IAsyncDisposable
{
    private readonly Counter _counter;

    private Target(MeshApp app, Counter counter) => (App, _counter) = (app, counter);

    public MeshApp App { get; }

    public int Reached => Volatile.Read(ref _counter.Value);

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public static async Task<Target> StartAsync(InboundConfig? policy = null, Action<WebApplicationBuilder>? configure = null)
    {
        var counter = new Counter();
        var app = await MeshApp.StartAsync(
            policy ?? Policies.Strict(),
            http =>
            {
                Interlocked.Increment(ref counter.Value);
                return http.Response.Body.WriteAsync("from the application"u8.ToArray(), http.RequestAborted).AsTask();
            },
            configure);
        return new Target(app, counter);
    }

    public async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(App.Address, TestEnd);
        return socket;
    }

    /// <summary>A TLS connection of a caller that takes whatever server it meets.</summary>
    public async Task<SslStream> HandshakeAsync(WorkloadIdentity caller, SslProtocols version, SslApplicationProtocol protocol)
    {
        var tls = new SslStream(new NetworkStream(await ConnectAsync(), ownsSocket: true));
        try
        {
            var options = SpiffeTls.ForClient(caller, static _ => true, "catalog", [protocol]);
            options.EnabledSslProtocols = version;
            await tls.AuthenticateAsClientAsync(options, TestEnd);
            return tls;
        }
        catch
        {
            await tls.DisposeAsync();
            throw;
        }
    }

    /// <summary>Sends one HTTP/1.1 request over TLS of this version; the answer, empty where the connection ended instead.</summary>
    public async Task<string> CallAsync(WorkloadIdentity caller, SslProtocols version)
    {
        try
        {
            // In TLS 1.3 the client ends its handshake before the server has looked at its certificate: the refusal comes with the answer.
            await using var tls = await HandshakeAsync(caller, version, SslApplicationProtocol.Http11);
            await tls.WriteAsync("GET / HTTP/1.1\r\nHost: catalog\r\nConnection: close\r\n\r\n"u8.ToArray(), TestEnd);
            return await ReadToEndAsync(tls);
        }
        catch (Exception error) when (error is IOException or AuthenticationException)
        {
            return "";
        }
    }

    /// <summary>Nothing reached the application so far, and good callers are still served.</summary>
    public async Task UntouchedAndWellAsync()
    {
        Assert.Equal(0, Reached);
        await WellAsync();
    }

    /// <summary>A new connection and a call on it are served at once.</summary>
    public async Task WellAsync()
    {
        using var good = App.Client();
        Assert.Equal("from the application", await good.GetStringAsync("/", TestEnd));
    }

    /// <summary>Waits for a line, and asserts that there is no second one.</summary>
    public async Task<LogEntry> LoggedOnceAsync(string part)
    {
        await App.Logs.WaitForAsync(part, TestEnd);
        return Assert.Single(App.Logs.Entries, entry => entry.Message.Contains(part, StringComparison.Ordinal));
    }

    public async ValueTask DisposeAsync() => await App.DisposeAsync();

    /// <summary>What a peer said until it closed; a reset is an end too.</summary>
    public static async Task<string> ReadToEndAsync(Stream stream)
    {
        var text = new MemoryStream();
        try
        {
            await stream.CopyToAsync(text, TestEnd);
        }
        catch (IOException)
        {
            // Reset: what came before it counts.
        }

        return System.Text.Encoding.Latin1.GetString(text.ToArray());
    }

    private sealed class Counter
    {
        public int Value;
    }
}
