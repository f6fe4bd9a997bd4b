using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.ControlPlane.Hosting;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>The root of a running mesh changes, step by step, and nobody notices.</summary>
public sealed class RootRotationTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Root_is_changed_under_load_by_one_command_and_no_call_is_lost()
    {
        await using var mesh = await TestMesh.StartAsync(static options => options.SvidLifetime = TimeSpan.FromMinutes(1));
        var server = await mesh.StartServerAsync("server", TakeOrders);
        await mesh.StartServerAsync("server", TakeOrders);
        var client = await mesh.StartClientAsync();
        var http = client.CreateClient();
        using var first = await Eventually.Async(() => http.PostAsync("/", null, TestEnd), TestEnd);
        var authority = Authority(mesh);
        var old = authority.Keys.Active.Root;
        var load = Load.Start(http, callers: 4, static () => new HttpRequestMessage(HttpMethod.Post, "/") { Content = new StringContent("order") });

        var rotated = await MeshCommand.RunAsync(mesh, "ca", "rotate", "-o", "json");
        await load.MoreCallsAsync(200, TestEnd);

        Assert.True(rotated.ExitCode == 0, rotated.ToString());
        Assert.Equal("none", rotated.Json.GetProperty("stage").GetString());
        var root = Assert.Single(authority.Bundle.Authorities);
        Assert.NotEqual(old.Thumbprint, root.Thumbprint);
        foreach (var workload in (TestWorkload[])[server, client])
        {
            var source = workload.Services.GetRequiredService<IdentitySource>();
            await Eventually.TrueAsync(() => Task.FromResult(Roots(source.Current!).SequenceEqual([root.Thumbprint])), TestEnd);
            Assert.Null(X509SvidChain.Verify(source.Current!.Leaf, source.Current.Intermediates, new TrustBundleSet([authority.Bundle]), TimeProvider.System.GetUtcNow(), out _));
        }

        // A newcomer joins by the new root, and the operator's own token still opens the door.
        await mesh.StartServerAsync("server", TakeOrders);
        Assert.Equal(0, (await MeshCommand.RunAsync(mesh, "ca", "show")).ExitCode);
        await load.MoreCallsAsync(100, TestEnd);
        var lost = await load.StopAsync();
        Assert.True(lost.Count == 0, $"{lost.Count} of {load.Calls} lost, the first: {(lost.Count > 0 ? lost[0] : "")}");
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task New_root_does_not_sign_before_everybody_trusts_it_and_the_old_one_stays_while_it_is_needed()
    {
        await using var mesh = await TestMesh.StartAsync();
        var away = await mesh.Tokens.CreateAsync(TestMesh.Namespace, "away", TimeSpan.FromHours(1), 1, TestEnd);
        using var enrolment = new Enrolment(new MeshCaSettings { ControlPlane = mesh.Address, Token = JoinToken.Parse(away), Namespace = TestMesh.Namespace, ServiceAccount = "away" }, TimeProvider.System);
        var absent = await enrolment.IssueAsync(null, TestEnd);
        var oldToken = await mesh.Tokens.CreateAsync(TestMesh.Namespace, "late", TimeSpan.FromHours(1), 0, TestEnd);

        Assert.Equal(1, (await MeshCommand.RunAsync(mesh, "ca", "rotate", "--stage", "switch")).ExitCode);
        Assert.Equal(0, (await MeshCommand.RunAsync(mesh, "ca", "rotate", "--stage", "add")).ExitCode);
        var tooEarly = await MeshCommand.RunAsync(mesh, "ca", "rotate", "--stage", "switch");
        Assert.Equal(1, tooEarly.ExitCode);
        Assert.Contains("sa/away (not connected", tooEarly.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await MeshCommand.RunAsync(mesh, "ca", "rotate", "--stage", "switch", "--force")).ExitCode);

        // By now a leaf comes by the new root, whether the token was made before or after it.
        var newToken = await mesh.Tokens.CreateAsync(TestMesh.Namespace, "late", TimeSpan.FromHours(1), 0, TestEnd);
        Assert.NotEqual(JoinToken.Parse(oldToken).RootHash.ToArray(), JoinToken.Parse(newToken).RootHash.ToArray());
        foreach (var token in (string[])[oldToken, newToken])
        {
            using var late = new Enrolment(new MeshCaSettings { ControlPlane = mesh.Address, Token = JoinToken.Parse(token), Namespace = TestMesh.Namespace, ServiceAccount = "late" }, TimeProvider.System);
            Assert.Equal(2, Roots(await late.IssueAsync(null, TestEnd)).Count());
        }

        // Who was away knows the old root only, and still renews.
        Assert.Equal(1, (await MeshCommand.RunAsync(mesh, "ca", "rotate", "--stage", "finish")).ExitCode);
        var renewed = await enrolment.IssueAsync(absent, TestEnd);
        Assert.Equal(2, Roots(renewed).Count());
        Assert.Equal(0, (await MeshCommand.RunAsync(mesh, "ca", "rotate", "--stage", "finish")).ExitCode);
        Assert.Single(Authority(mesh).Bundle.Authorities);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Mesh_moves_under_a_company_root_by_request_and_certificate_and_back()
    {
        using var folder = new TemporaryFolder();
        using var company = new CompanyCa();
        await using var mesh = await TestMesh.StartAsync(static options => options.SvidLifetime = TimeSpan.FromMinutes(1));
        await mesh.StartServerAsync("server", static app => app.MapGet("/", static () => "ok"));
        var client = await mesh.StartClientAsync();
        var http = client.CreateClient();
        await Eventually.Async(() => http.GetStringAsync("/", TestEnd), TestEnd);

        var request = await MeshCommand.RunAsync(mesh, "ca", "request");
        Assert.True(request.ExitCode == 0, request.ToString());
        var rotated = await MeshCommand.RunAsync(mesh, "ca", "rotate", "--certificate", folder.Write("ca.pem", company.Sign(request.Output)));

        Assert.True(rotated.ExitCode == 0, rotated.ToString());
        Assert.Equal(company.Root.Thumbprint, Assert.Single(Authority(mesh).Bundle.Authorities).Thumbprint);
        Assert.Single(client.Services.GetRequiredService<IdentitySource>().Current!.Intermediates);
        Assert.Equal("ok", await http.GetStringAsync("/", TestEnd));

        // The same after a restart, and for newcomers.
        await mesh.StopControlPlaneAsync();
        await mesh.StartControlPlaneAsync();
        var second = await mesh.StartClientAsync("second");
        Assert.Equal("ok", await Eventually.Async(() => second.CreateClient().GetStringAsync("/", TestEnd), TestEnd));
    }

    private static CertificateAuthority Authority(TestMesh mesh) => mesh.ControlPlane.GetRequiredService<ControlPlaneHost>().Services.GetRequiredService<CertificateAuthority>();

    private static IEnumerable<string> Roots(WorkloadIdentity identity)
        => identity.Bundles.TryGet(identity.Id.TrustDomain, out var bundle) ? bundle.Authorities.Select(static root => root.Thumbprint) : [];

    // Reads what is sent: Kestrel counts streams whose bodies nobody reads, and at thousands of calls a second resets new ones (ENHANCE_YOUR_CALM).
    private static void TakeOrders(WebApplication app) => app.MapPost("/", static async http =>
    {
        await http.Request.Body.CopyToAsync(Stream.Null, http.RequestAborted);
        await http.Response.WriteAsync("ok");
    });
}
