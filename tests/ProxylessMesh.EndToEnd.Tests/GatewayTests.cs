using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Yarp.ReverseProxy.Configuration;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>A YARP app as the way in: ordinary TLS outside, the mesh inside.</summary>
public sealed class GatewayTests
{
    private static readonly X509Certificate2 OutsideCertificate = Certificate();

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_caller_from_outside_reaches_a_service_under_the_gateways_identity()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.StartServerAsync("server", static app => app.MapPost("/{*path}", static async (HttpContext http) =>
        {
            using var body = new StreamReader(http.Request.Body);
            return $"{http.Features.Get<IMeshPeerFeature>()?.Id} {http.Request.Scheme} {http.Request.Protocol} {http.Request.Path}{http.Request.QueryString} {await body.ReadToEndAsync(http.RequestAborted)}";
        }));
        await using var gateway = await StartGatewayAsync(mesh);

        var answer = await Eventually.Async(() => PostAsync(gateway, "/api/items?page=2"), TestEnd);

        Assert.Equal("spiffe://mesh.local/ns/test/sa/gateway https HTTP/2 /api/items?page=2 from outside", answer);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Routes_of_the_service_apply_to_what_comes_from_outside()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.WriteManifestAsync("route.yaml", """
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: { name: server, namespace: test }
            spec:
              parentRefs: [{ kind: Service, group: "", name: server }]
              rules:
                - matches: [{ headers: [{ name: x-beta, value: "yes" }] }]
                  backendRefs: [{ name: beta, port: 80 }]
                - backendRefs: [{ name: server, port: 80 }]
            """);
        await mesh.StartServerAsync("server", static app => app.MapPost("/{*path}", static () => "stable"));
        await mesh.StartServerAsync("beta", static app => app.MapPost("/{*path}", static () => "beta"));
        await using var gateway = await StartGatewayAsync(mesh);

        Assert.Equal("stable", await Eventually.Async(() => PostAsync(gateway, "/"), TestEnd));

        // The first call may come before the route does.
        await Eventually.TrueAsync(async () => await PostAsync(gateway, "/", ("x-beta", "yes")) == "beta", TestEnd);
        Assert.Equal("stable", await PostAsync(gateway, "/"));
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Who_comes_from_outside_cannot_claim_an_identity()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.WriteManifestAsync("policy.yaml", """
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: { name: server, namespace: test }
            spec:
              action: DENY
              rules: [{ from: [{ source: { principals: [mesh.local/ns/test/sa/gateway] } }], to: [{ operation: { paths: [/admin] } }] }]
            """);
        await mesh.StartServerAsync("server", static app => app.MapPost("/{*path}", static (HttpContext http) => http.Request.Headers["x-forwarded-client-cert"].ToString()));
        await using var gateway = await StartGatewayAsync(mesh);
        await Eventually.Async(() => PostAsync(gateway, "/"), TestEnd);

        Assert.Equal("", await PostAsync(gateway, "/", ("x-forwarded-client-cert", "URI=spiffe://mesh.local/ns/test/sa/admin")));
        using var client = Outside(gateway);
        await Eventually.TrueAsync(
            async () =>
            {
                using var denied = await client.PostAsync("/admin", null, TestEnd);
                return denied.StatusCode == HttpStatusCode.Forbidden;
            },
            TestEnd);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Headers_of_the_mesh_that_a_stranger_sends_end_at_the_gateway()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.StartServerAsync("server", static app => app.MapPost("/{*path}", static (HttpContext http)
            => string.Join(',', http.Request.Headers.Where(static header => header.Value == "spoofed").Select(static header => header.Key.ToLowerInvariant()))));
        await using var gateway = await StartGatewayAsync(mesh);

        var arrived = await Eventually.Async(
            () => PostAsync(
                gateway,
                "/",
                ("x-envoy-attempt-count", "spoofed"),
                ("X-Envoy-Expected-Rq-Timeout-Ms", "spoofed"),
                ("x-envoy-fault-abort-request", "spoofed"),
                ("x-envoy-anything-new", "spoofed"),
                ("x-mesh-criticality", "spoofed"),
                ("x-forwarded-client-cert", "spoofed"),
                ("x-of-the-application", "spoofed")),
            TestEnd);

        Assert.Equal("x-of-the-application", arrived);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_destination_that_is_no_name_of_the_mesh_is_called_as_yarp_would()
    {
        await using var mesh = await TestMesh.StartAsync();
        await using var outside = await TestSupport.TestBackend.StartAsync(static http => http.Response.WriteAsync($"{http.Request.Scheme} {http.Request.Path}"));
        await using var gateway = await StartGatewayAsync(mesh, $"http://localhost:{outside.Address.Port}");

        Assert.Equal("http /plain", await PostAsync(gateway, "/plain"));
    }

    // The outside has a certificate of its own, on a port that the mesh leaves alone.
    private static Task<TestWorkload> StartGatewayAsync(TestMesh mesh, string destination = "http://server")
    {
        var port = FreePort();
        return mesh.StartServerAsync(
            "gateway",
            static app => app.MapReverseProxy(),
            settings: new() { ["Mesh:Inbound:PlaintextPorts:0"] = port.ToString(System.Globalization.CultureInfo.InvariantCulture) },
            services: services =>
            {
                services.Configure<Microsoft.AspNetCore.Server.Kestrel.Core.KestrelServerOptions>(kestrel => kestrel.Listen(IPAddress.Loopback, port, listen => listen.UseHttps(OutsideCertificate)));
                services.AddReverseProxy()
                    .LoadFromMemory(
                        [new RouteConfig { RouteId = "all", ClusterId = "all", Match = new RouteMatch { Path = "/{**rest}" } }],
                        [new ClusterConfig { ClusterId = "all", Destinations = new Dictionary<string, DestinationConfig> { ["service"] = new() { Address = destination } } }])
                    .AddMesh().AddMesh();
            });
    }

    // Kestrel must know the number before it starts, as the mesh must be told to leave it alone.
    private static int FreePort()
    {
        using var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static X509Certificate2 Certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=gateway.example", key, HashAlgorithmName.SHA256);
        using var made = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(150));
        return X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
    }

    private static HttpClient Outside(TestWorkload gateway) => new(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = static (_, shown, _, _) => shown?.GetCertHashString() == OutsideCertificate.Thumbprint } }) { BaseAddress = gateway.Url };

    private static async Task<string> PostAsync(TestWorkload gateway, string path, params (string Name, string Value)[] headers)
    {
        using var client = Outside(gateway);
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent("from outside") };
        foreach (var (name, value) in headers)
        {
            request.Headers.Add(name, value);
        }

        using var answer = await client.SendAsync(request, TestEnd);
        answer.EnsureSuccessStatusCode();
        return await answer.Content.ReadAsStringAsync(TestEnd);
    }
}
