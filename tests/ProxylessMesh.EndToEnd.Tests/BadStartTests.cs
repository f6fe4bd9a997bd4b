using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Builder;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>What cannot work is said once, in words that lead to the cure, and breaks nothing else.</summary>
public sealed class BadStartTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mesh-bad-");

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Mesh_up_on_a_port_in_use_says_which_and_how_to_choose_another()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var taken = ((IPEndPoint)other.LocalEndpoint).ToString();

        var (exitCode, output) = await ControlPlaneProcess.FailAsync(_folder.FullName, taken, TestEnd);

        Assert.Equal(1, exitCode);
        Assert.Contains($"cannot listen on {taken}", output, StringComparison.Ordinal);
        Assert.Contains("--listen", output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Mesh_up_on_an_unusable_state_folder_says_which_and_keeps_what_is_there()
    {
        var file = Path.Combine(_folder.FullName, "state");
        await File.WriteAllTextAsync(file, "not a folder", TestEnd);

        var (exitCode, output) = await ControlPlaneProcess.FailAsync(_folder.FullName, "127.0.0.1:0", TestEnd);

        Assert.Equal(1, exitCode);
        Assert.Contains(file, output, StringComparison.Ordinal);
        Assert.Contains("--state", output, StringComparison.Ordinal);
        Assert.Equal("not a folder", await File.ReadAllTextAsync(file, TestEnd));
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_wrong_token_keeps_a_process_out_with_one_line_that_tells_the_cure()
    {
        await using var mesh = await TestMesh.StartAsync();
        var token = await mesh.TokenAsync("client");
        var parts = token.Split('.');
        parts[2] = new string('A', parts[2].Length);

        var client = await mesh.StartClientAsync(token: string.Join('.', parts));
        client.Logs.Expect("join token");

        var entry = await client.Logs.WaitForAsync("mesh token create", TestEnd);
        Assert.DoesNotContain(parts[2], entry.Message, StringComparison.Ordinal);
        Assert.Contains(parts[1], entry.Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_token_of_another_mesh_is_never_sent_to_a_control_plane_with_another_root()
    {
        await using var other = await TestMesh.StartAsync();
        await using var mesh = await TestMesh.StartAsync();
        var foreign = await other.TokenAsync("client");

        var client = await mesh.StartClientAsync(token: foreign);
        client.Logs.Expect("join token");

        await client.Logs.WaitForAsync("but not the one that join token", TestEnd);
        Assert.DoesNotContain(mesh.Logs.Entries, entry => entry.Message.Contains(foreign.Split('.')[1], StringComparison.Ordinal));
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Without_a_control_plane_a_process_waits_refuses_to_guess_and_joins_when_it_is_there()
    {
        await using var mesh = await TestMesh.StartAsync();
        var serverToken = await mesh.TokenAsync("server");
        var clientToken = await mesh.TokenAsync("client");
        await mesh.StopControlPlaneAsync();

        await mesh.StartServerAsync("server", static app => app.MapGet("/", static () => "here"), serverToken);
        var client = await mesh.StartClientAsync(token: clientToken, settings: new() { ["Mesh:Outbound:ConfigTimeout"] = "00:00:02" });
        var thrown = await Assert.ThrowsAsync<MeshException>(() => client.CreateClient().GetStringAsync("/", TestEnd));
        Assert.Equal(MeshError.ConfigUnavailable, thrown.Error);

        await mesh.StartControlPlaneAsync();
        Assert.Equal("here", await Eventually.Async(() => client.CreateClient().GetStringAsync("/", TestEnd), TestEnd));
    }
}
