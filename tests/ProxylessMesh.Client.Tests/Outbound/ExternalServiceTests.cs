using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Outbound;

/// <summary>Servers that are no workloads of the mesh: a ServiceEntry's, with the TLS of a DestinationRule.</summary>
public sealed class ExternalServiceTests
{
    private readonly TestCa _ca = TestCa.Create();

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    private UpstreamTlsConfig Given => new() { TrustedCaPem = _ca.Root.ExportCertificatePem() };

    [Theory]
    [InlineData("http", false, "1.1", "HTTP/1.1")]
    [InlineData("https", false, "1.1", "HTTP/1.1")]
    [InlineData("http", false, "2.0", "HTTP/2")]
    [InlineData("http", true, "1.1", "HTTP/2")]
    public async Task Plain_call_goes_out_as_tls_under_the_host_that_was_called(string scheme, bool isHttp2Cluster, string version, string protocol)
    {
        await using var server = await ServerAsync("api.example.org");

        // Behind an https address there may be another host than behind the http one of the same name.
        var host = scheme == "https" ? "api.example.org:443" : "api.example.org";
        var cluster = new ClusterConfig { Name = "api.example.org", Tls = Given, Http2 = isHttp2Cluster };
        await using var mesh = TestMesh.With(Configs.Host(host, Configs.Forward("api.example.org"), Configs.Cluster(cluster, server.Address)));
        using var client = mesh.Client();
        using var request = new HttpRequestMessage(HttpMethod.Get, scheme + "://api.example.org/") { Version = Version.Parse(version) };

        using var response = await client.SendAsync(request, TestEnd);

        Assert.Equal($"https {protocol} api.example.org nobody", await response.Content.ReadAsStringAsync(TestEnd));
        RetryTests.AssertIdle(mesh, host);
    }

    [Fact]
    public async Task Calls_of_both_versions_share_an_endpoint()
    {
        await using var server = await ServerAsync("api.example.org");
        await using var mesh = TestMesh.With(External("api.example.org", new ClusterConfig { Name = "api.example.org", Tls = Given }, server.Address));
        using var client = mesh.Client();

        foreach (var version in new[] { HttpVersion.Version11, HttpVersion.Version20, HttpVersion.Version11, HttpVersion.Version20 })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "http://api.example.org/") { Version = version };
            using var response = await client.SendAsync(request, TestEnd);
            Assert.Equal(version, response.Version);
        }
    }

    [Theory]
    [InlineData("api.example.org", "", "", true)]
    [InlineData("*.example.org", "", "", true)]
    [InlineData("other.example.org", "", "", false)]
    [InlineData("other.example.org", "other.example.org", "", true)]
    [InlineData("other.example.org", "", "other.example.org", true)]
    [InlineData("api.example.org", "", "other.example.org", false)]
    [InlineData("*.example.org", "", "api.example.org", true)]
    public async Task Certificate_must_be_for_the_name_or_have_one_that_is_given(string certificate, string sni, string name, bool isAccepted)
    {
        await using var server = await ServerAsync(certificate);
        var tls = Given with { ServerName = sni.Length > 0 ? sni : null, PeerNames = name.Length > 0 ? [StringMatcher.Exact(name)] : [] };
        await using var mesh = TestMesh.With(External("api.example.org", new ClusterConfig { Name = "api.example.org", Tls = tls }, server.Address));
        using var client = mesh.Client();

        var call = client.GetAsync(new Uri("http://api.example.org/"), TestEnd);

        if (isAccepted)
        {
            Assert.Equal(HttpStatusCode.OK, (await call).StatusCode);
        }
        else
        {
            Assert.Equal(MeshError.PeerRefused, (await Assert.ThrowsAsync<MeshException>(() => call)).Error);
        }
    }

    [Fact]
    public async Task Name_of_the_sni_is_checked_whatever_names_are_given_where_that_is_asked()
    {
        await using var server = await ServerAsync("other.example.org");
        var tls = Given with { PeerNames = [StringMatcher.Exact("other.example.org")], AutoSniSanValidation = true };
        await using var mesh = TestMesh.With(External("api.example.org", new ClusterConfig { Name = "api.example.org", Tls = tls }, server.Address));
        using var client = mesh.Client();

        var error = await Assert.ThrowsAsync<MeshException>(() => client.GetAsync(new Uri("http://api.example.org/"), TestEnd));

        Assert.Equal(MeshError.PeerRefused, error.Error);
    }

    [Fact]
    public async Task Sni_is_the_endpoints_own_name_where_that_is_asked()
    {
        await using var server = await ServerAsync("node-1.example.org");
        var cluster = new ClusterState
        {
            Config = new ClusterConfig { Name = "api.example.org", Tls = Given with { AutoHostSni = true } },
            Endpoints = Configs.Endpoints("api.example.org", new EndpointConfig { Address = server.Address, Hostname = "node-1.example.org" }),
        };
        await using var mesh = TestMesh.With(Configs.Host("api.example.org", Configs.Forward("api.example.org"), cluster));
        using var client = mesh.Client();

        using var response = await client.GetAsync(new Uri("http://api.example.org/"), TestEnd);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Root_that_is_not_trusted_is_refused(bool isSystemRoots)
    {
        await using var server = await ServerAsync("api.example.org");
        var tls = isSystemRoots ? new UpstreamTlsConfig { UsesSystemRoots = true } : new UpstreamTlsConfig { TrustedCaPem = TestCa.Create().Root.ExportCertificatePem() };
        await using var mesh = TestMesh.With(External("api.example.org", new ClusterConfig { Name = "api.example.org", Tls = tls }, server.Address));
        using var client = mesh.Client();

        var error = await Assert.ThrowsAsync<MeshException>(() => client.GetAsync(new Uri("http://api.example.org/"), TestEnd));

        Assert.Equal(MeshError.PeerRefused, error.Error);
        Assert.Contains("the name that was called", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Mutual_tls_shows_the_certificate_of_the_mesh()
    {
        await using var server = await ServerAsync("api.example.org", asksForCertificate: true);
        await using var mesh = new TestMesh(new TestIdentitySource(_ca.Issue("shop", "storefront")));
        mesh.Xds.Publish(External("api.example.org", new ClusterConfig { Name = "api.example.org", Tls = Given with { IdentityProvider = "default" } }, server.Address));
        using var client = mesh.Client();

        Assert.Equal("https HTTP/1.1 api.example.org with certificate", await client.GetStringAsync(new Uri("http://api.example.org/"), TestEnd));
    }

    [Fact]
    public async Task Tls_mode_of_a_workload_means_nothing_for_a_server_of_the_world()
    {
        await using var server = await ServerAsync("api.example.org");
        var cluster = new ClusterState
        {
            Config = new ClusterConfig { Name = "api.example.org", Tls = Given },
            Endpoints = Configs.Endpoints("api.example.org", new EndpointConfig { Address = server.Address, MeshTls = false }),
        };
        await using var mesh = TestMesh.With(Configs.Host("api.example.org", Configs.Forward("api.example.org"), cluster));
        using var client = mesh.Client();

        using var response = await client.GetAsync(new Uri("http://api.example.org/"), TestEnd);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task Address_that_does_not_answer_gives_way_to_the_next_of_the_same_endpoint()
    {
        await using var server = await TestBackend.StartAsync(static http => http.Response.WriteAsync("here"));
        var cluster = Configs.Cluster("api") with
        {
            Endpoints = Configs.Endpoints("api", new EndpointConfig { Address = RetryTests.DeadEndpoint(), AdditionalAddresses = [server.Address] }),
        };
        await using var mesh = TestMesh.With(Configs.Host("api", Configs.Forward("api") with { Retry = new RetryConfig { MaxRetries = 0 } }, cluster));
        using var client = mesh.Client();

        Assert.Equal("here", await client.GetStringAsync(new Uri("http://api/"), TestEnd));
    }

    [Fact]
    public async Task Connection_serves_no_more_requests_than_it_may()
    {
        var perConnection = new ConcurrentDictionary<string, int>();
        await using var server = await TestBackend.StartAsync(http =>
        {
            perConnection.AddOrUpdate(http.Connection.Id, 1, static (_, count) => count + 1);
            return http.Response.WriteAsync("here");
        });
        await using var mesh = TestMesh.With(External("api", new ClusterConfig { Name = "api", Connection = new ConnectionConfig { MaxRequestsPerConnection = 3 } }, server.Address));
        using var client = mesh.Client();

        for (var i = 0; i < 9; i++)
        {
            Assert.Equal("here", await client.GetStringAsync(new Uri("http://api/"), TestEnd));
        }

        Assert.Equal([3, 3, 3], perConnection.Values);
        RetryTests.AssertIdle(mesh, "api");
    }

    [Fact]
    public async Task Streams_above_the_limit_get_a_connection_of_their_own()
    {
        var running = new ConcurrentDictionary<string, int>();
        var most = 0;
        var all = new CountdownEvent(6);
        var goOn = new TaskCompletionSource();
        await using var server = await TestBackend.StartAsync(
            async http =>
            {
                var now = running.AddOrUpdate(http.Connection.Id, 1, static (_, count) => count + 1);
                InterlockedMax(ref most, now);
                if (!all.IsSet && all.Signal())
                {
                    goOn.TrySetResult();
                }

                await goOn.Task;
                running.AddOrUpdate(http.Connection.Id, 0, static (_, count) => count - 1);
                await http.Response.WriteAsync("here");
            },
            HttpProtocols.Http2);
        await using var mesh = TestMesh.With(External("api", new ClusterConfig { Name = "api", Http2 = true, Connection = new ConnectionConfig { MaxConcurrentStreams = 2 } }, server.Address));
        using var client = mesh.Client();

        var calls = Enumerable.Range(0, 6).Select(_ => client.GetStringAsync(new Uri("http://api/"), TestEnd));
        await Task.WhenAll(calls);

        Assert.Equal(3, running.Count);
        Assert.Equal(2, most);
        RetryTests.AssertIdle(mesh, "api");
    }

    [Fact]
    public async Task Keep_alive_and_lifetimes_are_taken_without_complaint()
    {
        await using var server = await TestBackend.StartAsync(static http => http.Response.WriteAsync("here"));
        var connection = new ConnectionConfig
        {
            IdleTimeout = TimeSpan.Zero,
            MaxConnectionDuration = TimeSpan.FromMinutes(1),
            KeepAliveInterval = TimeSpan.FromMilliseconds(10),
            KeepAliveTimeout = TimeSpan.FromMilliseconds(10),
            TcpKeepAlive = new TcpKeepAliveConfig(3, TimeSpan.FromSeconds(7200), TimeSpan.FromMilliseconds(1)),
        };
        await using var mesh = TestMesh.With(External("api", new ClusterConfig { Name = "api", Connection = connection }, server.Address));
        using var client = mesh.Client();

        Assert.Equal("here", await client.GetStringAsync(new Uri("http://api/"), TestEnd));
    }

    [Fact]
    public async Task Connection_that_is_idle_for_its_time_is_closed()
    {
        var closed = new TaskCompletionSource();
        await using var server = await TestBackend.StartAsync(http =>
        {
            http.Features.GetRequiredFeature<IConnectionLifetimeFeature>().ConnectionClosed.Register(closed.SetResult);
            return http.Response.WriteAsync("here");
        });
        await using var mesh = TestMesh.With(External("api", new ClusterConfig { Name = "api", Connection = new ConnectionConfig { IdleTimeout = TimeSpan.FromMilliseconds(1) } }, server.Address));
        using var client = mesh.Client();

        Assert.Equal("here", await client.GetStringAsync(new Uri("http://api/"), TestEnd));

        await closed.Task.WaitAsync(TestEnd);
    }

    private static void InterlockedMax(ref int most, int value)
    {
        for (var seen = Volatile.Read(ref most); value > seen; seen = Volatile.Read(ref most))
        {
            Interlocked.CompareExchange(ref most, value, seen);
        }
    }

    private static XdsConfig External(string host, ClusterConfig cluster, IPEndPoint address) => Configs.Host(host, Configs.Forward(host), Configs.Cluster(cluster, address));

    private Task<TestBackend> ServerAsync(string name, bool asksForCertificate = false)
    {
        var certificate = _ca.Leaf(new TestLeaf { DnsNames = [name] });
        return TestBackend.StartAsync(Describe, listen => listen.UseHttps(https =>
        {
            https.ServerCertificate = certificate;
            if (asksForCertificate)
            {
                https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
                https.ClientCertificateValidation = static (_, _, _) => true;
            }
        }));
    }

    private static Task Describe(HttpContext http)
        => http.Response.WriteAsync($"{http.Request.Scheme} {http.Request.Protocol} {http.Request.Host} {(http.Features.Get<ITlsConnectionFeature>()?.ClientCertificate is null ? "nobody" : "with certificate")}");
}
