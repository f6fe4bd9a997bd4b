using System.Diagnostics;
using System.Text.Json;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>The <c>mesh</c> command as a process of its own, as a script runs it.</summary>
internal static class MeshCommand
{
    /// <summary>Runs a command as the operator of a control plane.</summary>
    public static Task<CommandResult> RunAsync(TestMesh mesh, params string[] arguments)
        => RunAsync([.. arguments, "--server", mesh.Address.ToString(), "--operator-token-file", Path.Combine(mesh.StateFolder, "operator.token")]);

    /// <summary>Runs a command.</summary>
    public static async Task<CommandResult> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "mesh.dll"));
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        // Nothing that this user's own control plane left is found.
        start.Environment["PROXYLESSMESH_HOME"] = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        start.Environment.Remove("MESH_SERVER");
        start.Environment.Remove("MESH_OPERATOR_TOKEN_FILE");
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            var result = new CommandResult(process.ExitCode, await output, await error);
            Assert.DoesNotContain("   at ProxylessMesh", result.Error, StringComparison.Ordinal);
            return result;
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }
}

/// <summary>What a command said, and how it ended.</summary>
internal sealed record CommandResult(int ExitCode, string Output, string Error)
{
    /// <summary>The answer of a command with <c>-o json</c>.</summary>
    public JsonElement Json => JsonDocument.Parse(Output).RootElement;

    public override string ToString() => $"exit code {ExitCode}\n{Output}\n{Error}";
}
