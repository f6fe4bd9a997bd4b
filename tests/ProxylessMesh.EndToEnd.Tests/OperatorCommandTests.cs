using Microsoft.AspNetCore.Builder;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>The operator's commands as processes: what they print, and the exit code that a script sees.</summary>
public sealed class OperatorCommandTests
{
    private const string Service = """
        apiVersion: v1
        kind: Service
        metadata: { name: server, namespace: test }
        spec: { ports: [{ name: http, port: 80 }] }
        """;

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Validate_tells_every_mistake_with_its_place_and_needs_no_control_plane()
    {
        using var folder = new TemporaryFolder();
        var good = folder.Write("good.yaml", Service);
        var bad = folder.Write("bad.yaml", Service.Replace("port: 80", "port: 80000", StringComparison.Ordinal) + "\n---\napiVersion: v1\nkind: Nonsense\nmetadata: { name: none }\n");

        var valid = await MeshCommand.RunAsync("validate", "-f", good);
        var invalid = await MeshCommand.RunAsync("validate", "-f", bad);
        var json = await MeshCommand.RunAsync("validate", "-f", bad, "-o", "json");
        var missing = await MeshCommand.RunAsync("validate", "-f", Path.Combine(Path.GetTempPath(), "none.yaml"));

        Assert.Equal((0, "1 manifests are valid."), (valid.ExitCode, valid.Output.Trim()));
        Assert.Equal(1, invalid.ExitCode);
        Assert.Contains("bad.yaml:4", invalid.Error, StringComparison.Ordinal);
        Assert.Contains("Nonsense", invalid.Error, StringComparison.Ordinal);
        Assert.Equal((1, 2), (json.ExitCode, json.Json.GetProperty("errors").GetArrayLength()));
        Assert.Equal(2, missing.ExitCode);
        Assert.Equal(2, (await MeshCommand.RunAsync("validate")).ExitCode);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Apply_puts_all_files_in_force_or_none_and_get_shows_them()
    {
        await using var mesh = await TestMesh.StartAsync();
        using var folder = new TemporaryFolder();
        var good = folder.Write("service.yaml", Service);
        var bad = folder.Write("bad.yaml", "kind: Nonsense\n");

        var refused = await MeshCommand.RunAsync(mesh, "apply", "-f", good, "-f", bad);
        var empty = await MeshCommand.RunAsync(mesh, "get", "-o", "json");
        var applied = await MeshCommand.RunAsync(mesh, "apply", "-f", good);
        var shown = await MeshCommand.RunAsync(mesh, "get", "service");
        var others = await MeshCommand.RunAsync(mesh, "get", "HTTPRoute");

        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("nothing was changed", refused.Output, StringComparison.Ordinal);
        Assert.Empty(empty.Json.GetProperty("files").EnumerateArray());
        Assert.Equal((0, "Revision 1 is in force."), (applied.ExitCode, applied.Output.Trim()));
        Assert.Equal(0, shown.ExitCode);
        Assert.Contains("service.yaml", shown.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("service.yaml", others.Output, StringComparison.Ordinal);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Status_names_workloads_and_nodes()
    {
        await using var mesh = await TestMesh.StartAsync();
        await mesh.StartServerAsync("server", static app => app.MapGet("/", static () => "here"));

        var json = await MeshCommand.RunAsync(mesh, "status", "-o", "json");
        var table = await MeshCommand.RunAsync(mesh, "status");

        Assert.True(json.ExitCode == 0, json.ToString());
        var workload = Assert.Single(json.Json.GetProperty("workloads").EnumerateArray().ToList());
        Assert.Equal(("server", "spiffe://mesh.local/ns/test/sa/server"), (workload.GetProperty("service").GetString(), workload.GetProperty("identity").GetString()));
        Assert.Equal("ready", workload.GetProperty("certificate").GetProperty("state").GetString());
        Assert.InRange(workload.GetProperty("certificate").GetProperty("expiresAt").GetDateTimeOffset() - DateTimeOffset.UnixEpoch, TimeSpan.FromDays(365), TimeSpan.FromDays(365 * 200));
        Assert.Equal(workload.GetProperty("instance").GetString(), Assert.Single(json.Json.GetProperty("nodes").EnumerateArray().ToList()).GetProperty("node").GetString());
        Assert.Equal(0, table.ExitCode);
        Assert.Contains("server.test", table.Output, StringComparison.Ordinal);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Token_made_by_the_command_joins_until_it_is_revoked()
    {
        await using var mesh = await TestMesh.StartAsync();

        var created = await MeshCommand.RunAsync(mesh, "token", "create", "-n", TestMesh.Namespace, "--service-account", "client", "--uses", "5");
        Assert.True(created.ExitCode == 0, created.ToString());
        var token = created.Output.Trim();
        await mesh.StartClientAsync("client", token);
        var listed = await MeshCommand.RunAsync(mesh, "token", "list", "-o", "json");
        var entry = Assert.Single(listed.Json.EnumerateArray().ToList(), static one => one.GetProperty("serviceAccount").GetString() == "client");
        var id = entry.GetProperty("id").GetString()!;

        Assert.Contains(id, token, StringComparison.Ordinal);
        Assert.DoesNotContain(token, listed.Output, StringComparison.Ordinal);
        Assert.Equal(0, (await MeshCommand.RunAsync(mesh, "token", "revoke", id)).ExitCode);
        var again = await MeshCommand.RunAsync(mesh, "token", "revoke", id);
        Assert.Equal(1, again.ExitCode);
        Assert.Contains(id, again.Error, StringComparison.Ordinal);
        Assert.Equal(2, (await MeshCommand.RunAsync(mesh, "token", "create")).ExitCode);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Wrong_token_file_and_missing_control_plane_have_exit_codes_of_their_own()
    {
        await using var mesh = await TestMesh.StartAsync();
        using var folder = new TemporaryFolder();
        var foreign = folder.Write("operator.token", "pm1.not.a.token");

        var wrong = await MeshCommand.RunAsync("status", "--server", mesh.Address.ToString(), "--operator-token-file", foreign);
        var nowhere = await MeshCommand.RunAsync("status");
        await mesh.StopControlPlaneAsync();
        var away = await MeshCommand.RunAsync(mesh, "status");

        Assert.Equal((2, 2, 3), (wrong.ExitCode, nowhere.ExitCode, away.ExitCode));
        Assert.Contains("mesh up", nowhere.Error, StringComparison.Ordinal);
    }
}
