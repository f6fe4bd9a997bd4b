using System.Diagnostics;
using System.Text.Json;

namespace ProxylessMesh.EndToEnd.Tests;

/// <summary><c>mesh up</c> as a process of its own, so that it can be killed as the kernel or an operator would.</summary>
internal sealed class ControlPlaneProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly List<string> _output;

    private ControlPlaneProcess(Process process, List<string> output, Uri address, string joinToken)
    {
        _process = process;
        _output = output;
        Address = address;
        JoinToken = joinToken;
    }

    public Uri Address { get; }

    /// <summary>The development token that it left.</summary>
    public string JoinToken { get; }

    /// <summary>Starts it and waits until it serves.</summary>
    /// <param name="folder">Holds <c>manifests</c>, <c>state</c> and the handover of this mesh.</param>
    /// <param name="listen"><c>ip:port</c>; port 0 for a free one.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<ControlPlaneProcess> StartAsync(string folder, string listen, CancellationToken cancellationToken)
    {
        var (process, output, serving) = Launch(folder, listen);
        await Task.WhenAny(serving, process.WaitForExitAsync(cancellationToken));
        if (!process.HasExited && !serving.IsCompleted)
        {
            process.Kill(entireProcessTree: true);
            cancellationToken.ThrowIfCancellationRequested();
        }

        if (process.HasExited)
        {
            throw new InvalidOperationException($"mesh up ended with exit code {process.ExitCode}:\n{string.Join('\n', output)}");
        }

        using var handover = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(folder, "home", "development.json"), cancellationToken));
        return new ControlPlaneProcess(
            process,
            output,
            new Uri(handover.RootElement.GetProperty("controlPlane").GetString()!),
            handover.RootElement.GetProperty("joinToken").GetString()!);
    }

    /// <summary>Starts it where it must refuse to run, and returns what it said.</summary>
    public static async Task<(int ExitCode, string Output)> FailAsync(string folder, string listen, CancellationToken cancellationToken)
    {
        var (process, output, serving) = Launch(folder, listen);
        await Task.WhenAny(serving, process.WaitForExitAsync(cancellationToken));
        if (!process.HasExited)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(cancellationToken);
            Assert.Fail("mesh up serves, though it must not.");
        }

        using (process)
        {
            return (process.ExitCode, string.Join('\n', output));
        }
    }

    /// <summary>Kill -9.</summary>
    public async Task KillAsync()
    {
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        _process.Dispose();
        Assert.DoesNotContain(_output, static line => line.Contains("Unhandled exception", StringComparison.Ordinal));
    }

    private static (Process Process, List<string> Output, Task Serving) Launch(string folder, string listen)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var argument in (string[])[Path.Combine(AppContext.BaseDirectory, "mesh.dll"), "up", "--manifests", Path.Combine(folder, "manifests"), "--state", Path.Combine(folder, "state"), "--listen", listen])
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["DOTNET_ENVIRONMENT"] = "Development";
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Development";
        start.Environment["PROXYLESSMESH_HOME"] = Path.Combine(folder, "home");
        Directory.CreateDirectory(Path.Combine(folder, "manifests"));
        Directory.CreateDirectory(Path.Combine(folder, "home"));
        var handover = Path.Combine(folder, "home", "development.json");
        File.Delete(handover);

        var output = new List<string>();
        var serving = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var process = new Process { StartInfo = start };
        void Keep(string? line)
        {
            if (line is null)
            {
                return;
            }

            lock (output)
            {
                output.Add(line);
            }

            if (line.Contains("Stop it:", StringComparison.Ordinal))
            {
                serving.TrySetResult();
            }
        }

        process.OutputDataReceived += (_, data) => Keep(data.Data);
        process.ErrorDataReceived += (_, data) => Keep(data.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return (process, output, serving.Task);
    }
}
