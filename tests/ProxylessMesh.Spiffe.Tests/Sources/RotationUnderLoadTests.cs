using System.Collections.Immutable;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.Spiffe.Tests.Sources;

/// <summary>Both ends of real connections take their certificates from a source that rotates, each call with a handshake of its own. No call is lost.</summary>
public sealed class RotationUnderLoadTests : IDisposable
{
    private const int Rotations = 6;

    private readonly TestFolder _folder = new();
    private readonly TestCa _ca = TestCa.Create();

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Workload_api()
    {
        await using var agent = await FakeWorkloadApi.StartAsync();
        agent.Given.Set(FakeWorkloadApi.Svid(_ca.Issue("shop", "catalog")));
        Assert.True(WorkloadApiAddress.TryParse(agent.Address, out var address, out _));
        await using var run = new SourceRun<WorkloadApiSource>(logger => new WorkloadApiSource(new WorkloadApiSettings { Address = address }, TimeProvider.System, logger));

        await RotateAsync(run, () => agent.Given.Set(FakeWorkloadApi.Svid(_ca.WithIntermediate().Issue("shop", "catalog"))));
    }

    [Fact]
    public async Task Workload_api_with_a_new_root_each_time()
    {
        await using var agent = await FakeWorkloadApi.StartAsync();
        var ca = _ca;
        ImmutableArray<X509Certificate2> old = [];
        agent.Given.Set(FakeWorkloadApi.Svid(ca.Issue("shop", "catalog")));
        Assert.True(WorkloadApiAddress.TryParse(agent.Address, out var address, out _));
        await using var run = new SourceRun<WorkloadApiSource>(logger => new WorkloadApiSource(new WorkloadApiSettings { Address = address }, TimeProvider.System, logger));

        // First everybody learns the next root, then leaves are signed by it.
        var next = ca;
        await RotateAsync(run, () =>
        {
            if (ReferenceEquals(next, ca))
            {
                next = TestCa.Create();
            }
            else
            {
                ca = next;
            }

            var svid = FakeWorkloadApi.Svid(ca.Issue("shop", "catalog"));
            svid.Bundle = FakeWorkloadApi.Join([.. ca.Bundle.Authorities, .. next.Bundle.Authorities, .. old]);
            old = ca.Bundle.Authorities;
            agent.Given.Set(svid);
        });
    }

    [Fact]
    public async Task Files()
    {
        TestPem.Write(_folder.Path, _ca.Issue("shop", "catalog"), _ca);
        await using var run = new SourceRun<CertificateFileSource>(logger => new CertificateFileSource(
            new CertificateFileSettings { Folder = _folder.Path, PollInterval = TimeSpan.FromSeconds(1) }, TimeProvider.System, logger));

        // The careless way, one file after the other: half of each pair is seen and never taken.
        await RotateAsync(run, () => TestPem.Write(_folder.Path, _ca.Issue("shop", "catalog"), _ca));
    }

    [Fact]
    public async Task Istio_ca()
    {
        File.WriteAllText(_folder.File("token"), "token");
        File.WriteAllText(_folder.File("roots.pem"), TestPem.Of(_ca.Bundle.Authorities));
        await using var ca = await FakeIstioCa.StartAsync(_ca);

        // So short that each is renewed within the test.
        ca.Given.Certificates = request => FakeIstioCa.Sign(request, _ca, new TestLeaf { Uris = ["spiffe://mesh.local/ns/shop/sa/catalog"], Lifetime = TimeSpan.FromSeconds(3) });
        await using var run = new SourceRun<IstioCaSource>(logger => new IstioCaSource(
            new IstioCaSettings { Address = ca.Address, TokenFile = _folder.File("token"), RootFile = _folder.File("roots.pem"), ServerName = FakeIstioCa.ServerName }, TimeProvider.System, logger));

        await RotateAsync(run, static () => { }, rotations: 3);
    }

    private static async Task RotateAsync<TSource>(SourceRun<TSource> run, Action rotate, int rotations = Rotations)
        where TSource : RenewingIdentitySource
    {
        await run.Source.GetAsync(TestEnd);
        await using var server = await ServeAsync(run.Source);
        using var client = ClientOf(run.Source, new Uri(server.Urls.First()));
        using var stop = new CancellationTokenSource();
        var changes = 0;
        run.Source.Changed += _ => Interlocked.Increment(ref changes);
        var calls = new int[4];
        var callers = calls.Select((_, caller) => Task.Run(
            async () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    Assert.Equal("here", await client.GetStringAsync("/", TestEnd));
                    Interlocked.Increment(ref calls[caller]);
                }
            },
            TestEnd)).ToArray();

        for (var i = 0; i < rotations; i++)
        {
            var (before, called) = (Volatile.Read(ref changes), calls.ToArray());
            rotate();

            // Until each caller has finished a call that began afterwards: what began before knows the old roots alone.
            while ((Volatile.Read(ref changes) == before || !calls.Zip(called).All(static pair => pair.First >= pair.Second + 2)) && !callers.Any(static caller => caller.IsFaulted))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, TestEnd);
            }
        }

        await stop.CancelAsync();
        await Task.WhenAll(callers);
        Assert.True(changes >= rotations);
    }

    private static async Task<WebApplication> ServeAsync(IdentitySource source)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.UseHttps(new TlsHandshakeCallbackOptions
            {
                OnConnection = async context => SpiffeTls.ForServer(await source.GetAsync(context.CancellationToken), static peer => peer.Path == "/ns/shop/sa/catalog", [SslApplicationProtocol.Http11]),
            });
        }));
        builder.Services.AddRoutingCore();
        var app = builder.Build();
        app.Run(static http => http.Response.WriteAsync("here"));
        await app.StartAsync(TestEnd);
        return app;
    }

    private static HttpClient ClientOf(IdentitySource source, Uri server) => new(new SocketsHttpHandler
    {
        // A connection for each call: it is the handshake that a rotation could break.
        PooledConnectionLifetime = TimeSpan.Zero,
        ConnectCallback = async (context, cancellationToken) =>
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
            var stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
            var identity = await source.GetAsync(cancellationToken);
            await stream.AuthenticateAsClientAsync(SpiffeTls.ForClient(identity, static peer => peer.Path == "/ns/shop/sa/catalog", "catalog", [SslApplicationProtocol.Http11]), cancellationToken);
            return stream;
        },
    })
    {
        BaseAddress = server,
    };
}
