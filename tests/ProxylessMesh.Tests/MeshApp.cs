using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Snapshots;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds;

namespace ProxylessMesh.Tests;

/// <summary>A real web application on a free loopback port with the inbound side of the mesh, its identity and policy set by the test.</summary>
internal sealed class MeshApp : IAsyncDisposable
{
    private readonly WebApplication _app;

    private MeshApp(WebApplication app, TestCa ca, TestIdentitySource identity, LogGuard logs)
    {
        _app = app;
        Ca = ca;
        Identity = identity;
        Logs = logs;
        Address = new IPEndPoint(IPAddress.Loopback, new Uri(app.Urls.First()).Port);
    }

    public IPEndPoint Address { get; }

    public TestCa Ca { get; }

    public TestIdentitySource Identity { get; }

    public LogGuard Logs { get; }

    public IServiceProvider Services => _app.Services;

    public static async Task<MeshApp> StartAsync(
        InboundConfig? policy,
        RequestDelegate? respond = null,
        Action<WebApplicationBuilder>? configure = null,
        bool withIdentity = true,
        Action<WebApplication>? map = null)
    {
        var ca = TestCa.Create();
        var identity = withIdentity ? new TestIdentitySource(ca.Issue("shop", "catalog")) : new TestIdentitySource();
        var logs = new LogGuard();
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { EnvironmentName = "Test" });
        builder.Logging.ClearProviders().AddProvider(logs);
        builder.WebHost.UseSetting(WebHostDefaults.ServerUrlsKey, "http://127.0.0.1:0");
        builder.Services.AddSingleton<IdentitySource>(identity);
        builder.Services.AddMeshInbound();
        configure?.Invoke(builder);
        var app = builder.Build();
        map?.Invoke(app);
        if (map is null)
        {
            app.Run(respond ?? (static http => http.Response.WriteAsync("from the application")));
        }

        await app.StartAsync(TestContext.Current.CancellationToken);
        var mesh = new MeshApp(app, ca, identity, logs);
        if (policy is not null)
        {
            mesh.Apply(policy);
        }

        return mesh;
    }

    /// <summary>Puts a policy in force, as a push from the control plane does.</summary>
    public void Apply(InboundConfig policy) => Services.GetRequiredService<InboundPorts>().Get(Address.Port).Publish(policy);

    /// <summary>A client of the mesh: its connections are mTLS with an identity of this application's CA, or the one given.</summary>
    public HttpClient Client(string serviceAccount = "storefront", Version? version = null) => Client(Ca.Issue("shop", serviceAccount), version);

    public HttpClient Client(WorkloadIdentity identity, Version? version = null, Action<SpiffeId>? server = null) => ClientTo(Address, identity, version, server);

    /// <summary>The same for any server of the mesh.</summary>
    public static HttpClient ClientTo(IPEndPoint address, WorkloadIdentity identity, Version? version = null, Action<SpiffeId>? server = null)
    {
        var http2 = (version ?? HttpVersion.Version20) == HttpVersion.Version20;
        var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync(address, cancellationToken);
                var tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
                try
                {
                    await tls.AuthenticateAsClientAsync(
                        SpiffeTls.ForClient(identity, peer => Accept(peer, server), "catalog", [http2 ? SslApplicationProtocol.Http2 : SslApplicationProtocol.Http11]),
                        cancellationToken);
                    return tls;
                }
                catch
                {
                    await tls.DisposeAsync();
                    throw;
                }
            },
        };
        return ClientOver(handler, "https://catalog/", http2);
    }

    /// <summary>A caller that knows nothing of the mesh.</summary>
    public HttpClient PlaintextClient(Version? version = null)
        => ClientOver(new SocketsHttpHandler(), $"http://{Address}/", (version ?? HttpVersion.Version11) == HttpVersion.Version20);

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        Logs.Dispose();
    }

    private static bool Accept(SpiffeId peer, Action<SpiffeId>? tell)
    {
        tell?.Invoke(peer);
        return true;
    }

    private static HttpClient ClientOver(SocketsHttpHandler handler, string address, bool http2) => new(handler)
    {
        BaseAddress = new Uri(address),
        DefaultRequestVersion = http2 ? HttpVersion.Version20 : HttpVersion.Version11,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        Timeout = TimeSpan.FromSeconds(30),
    };
}
