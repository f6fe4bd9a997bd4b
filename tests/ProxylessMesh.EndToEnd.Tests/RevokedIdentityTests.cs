using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.ControlPlane.Hosting;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>A stolen identity is shut out at once, everywhere, although its certificate is valid for long.</summary>
public sealed class RevokedIdentityTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Revoked_caller_is_denied_on_its_open_connection_gets_no_certificate_and_is_taken_back_when_restored()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.StartServerAsync("server", static app => app.MapGet("/", static (HttpContext http) => http.Connection.Id));
        var thief = await mesh.StartClientAsync("thief");
        var honest = await mesh.StartClientAsync("client");
        var http = thief.CreateClient();
        var connection = await Eventually.Async(() => http.GetStringAsync("/", TestEnd), TestEnd);
        Assert.Equal(connection, await http.GetStringAsync("/", TestEnd));

        var revoked = await MeshCommand.RunAsync(mesh, "ca", "revoke", "spiffe://mesh.local/ns/test/sa/thief", "--reason", "laptop stolen");
        Assert.True(revoked.ExitCode == 0, revoked.ToString());

        await Eventually.TrueAsync(async () => (await StatusAsync(http)) == HttpStatusCode.Forbidden, TestEnd);
        Assert.Equal(HttpStatusCode.OK, await Eventually.Async(() => StatusAsync(honest.CreateClient()), TestEnd));
        var refused = await Assert.ThrowsAsync<IdentityException>(async () => await JoinAsync(mesh, "thief"));
        Assert.Equal(IdentityError.NotAllowed, refused.Error);
        Assert.Contains("revoked", refused.Message, StringComparison.Ordinal);
        Assert.Contains("laptop stolen", (await MeshCommand.RunAsync(mesh, "ca", "revoked")).Output, StringComparison.Ordinal);

        Assert.Equal(0, (await MeshCommand.RunAsync(mesh, "ca", "restore", "spiffe://mesh.local/ns/test/sa/thief")).ExitCode);

        await Eventually.TrueAsync(async () => (await StatusAsync(http)) == HttpStatusCode.OK, TestEnd);
        Assert.Equal("spiffe://mesh.local/ns/test/sa/thief", (await JoinAsync(mesh, "thief")).Id.ToString());
        Assert.Equal(1, (await MeshCommand.RunAsync(mesh, "ca", "restore", "spiffe://mesh.local/ns/test/sa/thief")).ExitCode);
        Assert.Equal(1, (await MeshCommand.RunAsync(mesh, "ca", "revoke", "spiffe://mesh.local/ns/mesh-system/sa/control-plane")).ExitCode);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Revoked_server_loses_its_endpoints_at_once_and_joins_again_by_itself_when_restored()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.StartServerAsync("server", static app => app.MapGet("/", static () => "ok"));
        var client = await mesh.StartClientAsync();
        var http = client.CreateClient();
        await Eventually.Async(() => http.GetStringAsync("/", TestEnd), TestEnd);

        Assert.Equal(0, (await MeshCommand.RunAsync(mesh, "ca", "revoke", "spiffe://mesh.local/ns/test/sa/server")).ExitCode);

        await Eventually.TrueAsync(() => Task.FromResult(Instances(mesh, "server") == 0), TestEnd);
        await Eventually.TrueAsync(async () => !await IsServedAsync(http), TestEnd);

        Assert.Equal(0, (await MeshCommand.RunAsync(mesh, "ca", "restore", "spiffe://mesh.local/ns/test/sa/server")).ExitCode);
        Assert.Equal("ok", await Eventually.Async(() => http.GetStringAsync("/", TestEnd), TestEnd));
    }

    private static int Instances(TestMesh mesh, string service)
        => mesh.ControlPlane.GetRequiredService<ControlPlaneHost>().Services.GetRequiredService<WorkloadRegistry>().Current.ByInstance.Values.Count(workload => workload.Service == service);

    private static async Task<bool> IsServedAsync(HttpClient http)
    {
        try
        {
            return await StatusAsync(http) == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient http)
    {
        using var answer = await http.GetAsync("/", TestEnd);
        return answer.StatusCode;
    }

    private static async Task<WorkloadIdentity> JoinAsync(TestMesh mesh, string serviceAccount)
    {
        using var enrolment = new Enrolment(new MeshCaSettings { ControlPlane = mesh.Address, Token = JoinToken.Parse(await mesh.TokenAsync(serviceAccount)), Namespace = TestMesh.Namespace, ServiceAccount = serviceAccount }, TimeProvider.System);
        return await enrolment.IssueAsync(null, TestEnd);
    }
}
