using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.ControlPlane.Hosting;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>
/// Workloads whose certificates come from elsewhere than the mesh's CA: they register, are found and call each other like all others, and
/// no call is lost while their certificates change.
/// </summary>
public sealed class IdentitySourceTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Workloads_of_a_SPIFFE_agent_call_each_other_through_rotations()
    {
        await using var mesh = await TestMesh.StartAsync();
        await using var serverAgent = await FakeWorkloadApi.StartAsync();
        await using var clientAgent = await FakeWorkloadApi.StartAsync();
        void Rotate()
        {
            serverAgent.Given.Set(FakeWorkloadApi.Svid(Issue(mesh, "server")));
            clientAgent.Given.Set(FakeWorkloadApi.Svid(Issue(mesh, "client")));
        }

        Rotate();
        await RunAsync(mesh, Agent(serverAgent), Agent(clientAgent), Rotate);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Workloads_with_certificate_files_call_each_other_through_rotations()
    {
        await using var mesh = await TestMesh.StartAsync();
        void Rotate()
        {
            Write(mesh, "server");
            Write(mesh, "client");
        }

        Rotate();
        await RunAsync(mesh, Folder(mesh, "server"), Folder(mesh, "client"), Rotate);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Workloads_that_ask_Istios_certificate_service_call_each_other()
    {
        await using var mesh = await TestMesh.StartAsync();

        await RunAsync(mesh, await IstioAsync(mesh, "server"), await IstioAsync(mesh, "client"), rotate: null);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Workloads_of_another_CA_and_trust_domain_join_where_the_operator_lists_it()
    {
        await using var mesh = await TestMesh.StartAsync(static options => options.WorkloadTrustDomains.Add("spire.test"));
        var spire = Federate(mesh, "spire.test");
        await using var serverAgent = await FakeWorkloadApi.StartAsync();
        await using var clientAgent = await FakeWorkloadApi.StartAsync();
        serverAgent.Given.Set(FakeWorkloadApi.Svid(spire.Issue(TestMesh.Namespace, "server")));
        clientAgent.Given.Set(FakeWorkloadApi.Svid(spire.Issue(TestMesh.Namespace, "client")));

        await mesh.StartServerAsync("server", static app => app.MapGet("/", static (HttpContext http) => http.Features.Get<IMeshPeerFeature>()?.Id?.ToString()), settings: WithRoots(mesh, Agent(serverAgent)));
        var client = await mesh.StartClientAsync(settings: WithRoots(mesh, Agent(clientAgent)));

        Assert.Equal("spiffe://spire.test/ns/test/sa/client", await Eventually.Async(() => client.CreateClient().GetStringAsync("/", TestEnd), TestEnd));
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Workload_of_a_federated_trust_domain_may_not_join()
    {
        await using var mesh = await TestMesh.StartAsync();
        var friend = Federate(mesh, "friend.test");
        await mesh.StartServerAsync("server", static app => app.MapGet("/", static () => "ours"));
        await using var agent = await FakeWorkloadApi.StartAsync();
        agent.Given.Set(FakeWorkloadApi.Svid(friend.Issue(TestMesh.Namespace, "server")));

        var thief = await mesh.StartServerAsync("server", static app => app.MapGet("/", static () => "stolen"), settings: WithRoots(mesh, Agent(agent)));
        await thief.Logs.WaitForAsync(static entry => entry.Level == LogLevel.Warning, TestEnd);

        var client = await mesh.StartClientAsync();
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal("ours", await Eventually.Async(() => client.CreateClient().GetStringAsync("/", TestEnd), TestEnd));
        }
    }

    private static TestCa Federate(TestMesh mesh, string trustDomain)
    {
        var ca = TestCa.Create(trustDomain);
        mesh.ControlPlane.GetRequiredService<ControlPlaneHost>().Services.GetRequiredService<MeshTrust>().SetFederated([ca.Bundle]);
        return ca;
    }

    /// <summary>The control plane has a CA of its own, whose root names its trust domain.</summary>
    private static Dictionary<string, string?> WithRoots(TestMesh mesh, Dictionary<string, string?> settings)
    {
        var roots = Path.Combine(Directory.CreateDirectory(mesh.WorkloadFolder("roots")).FullName, "mesh.pem");
        File.WriteAllText(roots, TestPem.Of(Authority(mesh).Bundle.Authorities));
        settings["Mesh:Identity:RootFile"] = roots;
        return settings;
    }

    private static async Task RunAsync(TestMesh mesh, Dictionary<string, string?> server, Dictionary<string, string?> client, Action? rotate)
    {
        var serving = await mesh.StartServerAsync("server", static app => app.MapGet("/", static (HttpContext http) => http.Features.Get<IMeshPeerFeature>()?.Id?.ToString()), settings: server);
        var calling = await mesh.StartClientAsync(settings: client);
        Assert.Equal("spiffe://mesh.local/ns/test/sa/client", await Eventually.Async(() => calling.CreateClient().GetStringAsync("/", TestEnd), TestEnd));
        if (rotate is null)
        {
            return;
        }

        var load = Load.Start(calling.CreateClient(), 4, static () => new HttpRequestMessage(HttpMethod.Get, "/"));
        for (var i = 0; i < 3; i++)
        {
            var (before, beforeClient) = (Source(serving).Rotations, Source(calling).Rotations);
            rotate();
            await Eventually.TrueAsync(() => Task.FromResult(Source(serving).Rotations > before && Source(calling).Rotations > beforeClient), TestEnd);
            await load.MoreCallsAsync(50, TestEnd);
        }

        Assert.Empty(await load.StopAsync());
    }

    private static RenewingIdentitySource Source(TestWorkload workload) => Assert.IsType<RenewingIdentitySource>(workload.Services.GetRequiredService<IdentitySource>(), exactMatch: false);

    private static Dictionary<string, string?> Agent(FakeWorkloadApi agent) => new()
    {
        ["Mesh:JoinToken"] = "",
        ["Mesh:Identity:Source"] = "WorkloadApi",
        ["Mesh:Identity:WorkloadApi:Socket"] = agent.Address,
    };

    private static Dictionary<string, string?> Folder(TestMesh mesh, string service) => new()
    {
        ["Mesh:JoinToken"] = "",
        ["Mesh:Identity:Source"] = "Files",
        ["Mesh:Identity:Files:Folder"] = mesh.WorkloadFolder(service),
    };

    private static async Task<Dictionary<string, string?>> IstioAsync(TestMesh mesh, string service)
    {
        // The control plane's own door takes a join token as bearer, too.
        var folder = Directory.CreateDirectory(mesh.WorkloadFolder(service)).FullName;
        var (token, roots) = (Path.Combine(folder, "istio-token"), Path.Combine(folder, "root-cert.pem"));
        await File.WriteAllTextAsync(token, await mesh.TokenAsync(service), TestEnd);
        await File.WriteAllTextAsync(roots, TestPem.Of(Authority(mesh).Bundle.Authorities), TestEnd);
        return new()
        {
            ["Mesh:JoinToken"] = "",
            ["Mesh:Identity:Source"] = "IstioCa",
            ["Mesh:Identity:IstioCa:Address"] = mesh.Address.ToString(),
            ["Mesh:Identity:IstioCa:ServerName"] = "spiffe://mesh.local/ns/mesh-system/sa/control-plane",
            ["Mesh:Identity:IstioCa:TokenFile"] = token,
            ["Mesh:Identity:IstioCa:RootFile"] = roots,
        };
    }

    private static void Write(TestMesh mesh, string service)
    {
        var folder = Directory.CreateDirectory(mesh.WorkloadFolder(service)).FullName;
        var identity = Issue(mesh, service);
        File.WriteAllText(Path.Combine(folder, "tls.crt"), TestPem.Chain(identity));
        File.WriteAllText(Path.Combine(folder, "tls.key"), TestPem.Key(identity));
        File.WriteAllText(Path.Combine(folder, "ca.crt"), TestPem.Of(Authority(mesh).Bundle.Authorities));
    }

    private static WorkloadIdentity Issue(TestMesh mesh, string service)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var id = SpiffeId.Parse($"spiffe://mesh.local/ns/{TestMesh.Namespace}/sa/{service}");
        using var leaf = Authority(mesh).Issue(id, new PublicKey(key), TimeSpan.FromHours(1));
        return IdentityAnswer.Own(id, leaf, [], key, new TrustBundleSet([Authority(mesh).Bundle]));
    }

    private static CertificateAuthority Authority(TestMesh mesh) => mesh.ControlPlane.GetRequiredService<ControlPlaneHost>().Services.GetRequiredService<CertificateAuthority>();
}
