using System.Diagnostics;
using System.Globalization;

namespace ProxylessMesh.LoadTest.Processes;

/// <summary>
/// This executable again, in another role. It may print <c>FACT name value</c> lines, then <c>READY port</c> when it serves, and ends when
/// its standard input ends, so that none outlives this process.
/// </summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private ChildProcess(Process process, int port, Dictionary<string, string> facts)
    {
        Process = process;
        Port = port;
        Facts = facts;
    }

    public Process Process { get; }

    /// <summary>The loopback port it listens on.</summary>
    public int Port { get; }

    /// <summary>What it told about itself.</summary>
    public IReadOnlyDictionary<string, string> Facts { get; }

    public static async Task<ChildProcess> StartAsync(string role, IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        if (Path.GetFileNameWithoutExtension(start.FileName) is "dotnet")
        {
            start.ArgumentList.Add(typeof(ChildProcess).Assembly.Location);
        }

        start.ArgumentList.Add("role");
        start.ArgumentList.Add(role);
        foreach (var (variable, value) in environment)
        {
            start.Environment[variable] = value;
        }

        var process = Process.Start(start) ?? throw new InvalidOperationException($"Role '{role}' did not start.");
        var facts = new Dictionary<string, string>();
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.StartsWith("READY ", StringComparison.Ordinal))
            {
                _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
                return new ChildProcess(process, int.Parse(line.AsSpan(6), CultureInfo.InvariantCulture), facts);
            }

            if (line.Split(' ', 3) is ["FACT", var name, var fact])
            {
                facts[name] = fact;
                continue;
            }

            Console.Error.WriteLine($"[{role}] {line}");
        }

        await process.WaitForExitAsync();
        throw new InvalidOperationException($"Role '{role}' ended with exit code {process.ExitCode} before it was ready; its words are above.");
    }

    public async ValueTask DisposeAsync()
    {
        Process.StandardInput.Close();
        await Process.WaitForExitAsync();
        Process.Dispose();
    }
}
