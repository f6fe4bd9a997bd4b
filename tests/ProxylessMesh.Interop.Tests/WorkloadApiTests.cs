using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.EndToEnd.Tests;
using ProxylessMesh.Interop.Tests.Processes;

namespace ProxylessMesh.Interop.Tests;

/// <summary>go-spiffe as a client of our Workload API: it verifies by its own code what it is given.</summary>
public sealed class WorkloadApiTests : IDisposable
{
    private const string Billing = "spiffe://mesh.local/ns/test/sa/billing";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mesh-spiffe-");

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    private string Socket => $"unix://{Path.Combine(_folder.FullName, "api.sock")}";

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task X509_context_is_verified_and_a_new_root_is_pushed()
    {
        await using var mesh = await MeshAsync();

        // It ends after the second update: without the push it would end by its time limit, and fail.
        var watch = RunAsync("watch", "-n", "2", "-timeout", "40s");
        await mesh.Logs.WaitForAsync($"to {Billing}", TestEnd);
        mesh.Parts().GetRequiredService<RootRotation>().Add(null, null);
        var updates = (await watch).FindAll(static line => line.GetProperty("event").GetString() == "update");

        Assert.Equal(2, updates.Count);
        Assert.All(updates, static update => Assert.Equal((Billing, Billing), (update.GetProperty("svids")[0].GetProperty("id").GetString(), update.GetProperty("svids")[0].GetProperty("verified").GetString())));
        Assert.Equal([1, 2], updates.Select(static update => update.GetProperty("bundles").GetProperty("mesh.local").GetArrayLength()));
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Token_is_verified_and_one_for_another_audience_is_not()
    {
        await using var mesh = await MeshAsync();

        var lines = await RunAsync("jwt", "-audience", "orders");

        Assert.Equal(Billing, lines.Single(static line => line.GetProperty("event").GetString() == "jwt").GetProperty("id").GetString());
        Assert.Contains("InvalidArgument", lines.Single(static line => line.GetProperty("event").GetString() == "jwt_valid").GetProperty("wrong_audience").GetString());
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Peers_prove_their_ids_to_each_other_and_another_id_is_refused()
    {
        await using var mesh = await MeshAsync();
        var port = FreePort.Next();
        await using var server = await PeerProcess.ServeAsync("spiffe-client", port, ["serve", "-socket", Socket, "-addr", $"127.0.0.1:{port}", "-authorize", Billing], TestEnd);

        var answered = await RunAsync("dial", "-addr", $"127.0.0.1:{port}", "-authorize", Billing);
        var refused = await RunAsync("dial", "-addr", $"127.0.0.1:{port}", "-authorize", "spiffe://mesh.local/ns/test/sa/another");

        Assert.Contains(Billing, answered.Single(static line => line.GetProperty("event").GetString() == "answer").GetProperty("line").GetString());
        Assert.DoesNotContain(refused, static line => line.GetProperty("event").GetString() == "answer");
        Assert.Contains(refused, static line => line.GetProperty("event").GetString() == "error");
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Program_without_an_entry_gets_nothing()
    {
        await using var mesh = await MeshAsync("/usr/bin/another-program");

        var lines = await RunAsync("watch", "-n", "1", "-timeout", "3s");

        Assert.DoesNotContain(lines, static line => line.GetProperty("event").GetString() == "update");
        Assert.Contains(lines, static line => line.GetProperty("event").GetString() == "watch_error" && line.GetProperty("error").GetString()!.Contains("PermissionDenied", StringComparison.Ordinal));
    }

    private async Task<TestMesh> MeshAsync(string? program = null)
    {
        var path = Peer.Program("spiffe-client");
        program ??= File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
        var mesh = await TestMesh.StartAsync(options => options.WorkloadApi = Socket);
        await mesh.WriteManifestAsync("billing.yaml", $$"""
            apiVersion: mesh.proxyless.dev/v1alpha1
            kind: WorkloadIdentity
            metadata: { name: billing, namespace: test }
            spec:
              serviceAccount: billing
              selectors: ["unix:path:{{program}}"]
            """);
        await mesh.Logs.WaitForAsync("1 manifests in 1 files", TestEnd);
        return mesh;
    }

    private async Task<List<JsonElement>> RunAsync(string command, params string[] arguments)
    {
        var output = await PeerProcess.RunAsync("spiffe-client", [command, "-socket", Socket, .. arguments], new Dictionary<string, string>(), TestEnd);
        return [.. output.Split('\n').Where(static line => line.StartsWith('{')).Select(static line => JsonDocument.Parse(line).RootElement)];
    }
}
