using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace ProxylessMesh.Interop.Tests.Processes;

/// <summary>
/// A peer's program, running. It ends with the test: killed when disposed, and by <c>timeout</c>, under which it runs, even where the
/// test's own process was killed.
/// </summary>
internal sealed class PeerProcess : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _errors = new();

    private PeerProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Append(_output, line.Data);
        process.ErrorDataReceived += (_, line) => Append(_errors, line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>What it printed so far, log included.</summary>
    public string Log
    {
        get
        {
            lock (_output)
            {
                lock (_errors)
                {
                    return $"{_process.StartInfo.FileName} {string.Join(' ', _process.StartInfo.ArgumentList)}\n{_output}\n{_errors}";
                }
            }
        }
    }

    /// <summary>Starts a server and waits until it accepts connections on 127.0.0.1.</summary>
    public static async Task<PeerProcess> ServeAsync(string name, int port, IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        var server = Start(name, arguments, new Dictionary<string, string>());
        while (true)
        {
            using var probe = new TcpClient();
            try
            {
                await probe.ConnectAsync(IPAddress.Loopback, port, cancellationToken);
                return server;
            }
            catch (SocketException) when (!server._process.HasExited)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, cancellationToken);
            }
            catch (SocketException)
            {
                var log = server.Log;
                await server.DisposeAsync();
                throw new InvalidOperationException($"The peer '{name}' ended before it served:\n{log}");
            }
            catch (OperationCanceledException)
            {
                await server.DisposeAsync();
                throw;
            }
        }
    }

    /// <summary>Starts a server and waits until it accepts connections on a UNIX socket.</summary>
    public static async Task<PeerProcess> ServeSocketAsync(string name, string socketPath, IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        var server = Start(name, arguments, new Dictionary<string, string>());
        while (true)
        {
            using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await probe.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancellationToken);
                return server;
            }
            catch (SocketException) when (!server._process.HasExited)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, cancellationToken);
            }
            catch (SocketException)
            {
                var log = server.Log;
                await server.DisposeAsync();
                throw new InvalidOperationException($"The peer '{name}' ended before it listened:\n{log}");
            }
        }
    }

    /// <summary>Runs a program to its end and returns what it wrote to standard output.</summary>
    public static async Task<string> RunAsync(string name, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment, CancellationToken cancellationToken, TimeSpan? atMost = null)
    {
        await using var program = Start(name, arguments, environment, atMost);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(atMost ?? Limit);
        try
        {
            await program._process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"The peer '{name}' did not end within {atMost ?? Limit}:\n{program.Log}");
        }

        TestContext.Current.TestOutputHelper?.WriteLine(program.Log);
        lock (program._output)
        {
            return program._output.ToString();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private static PeerProcess Start(string name, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment, TimeSpan? atMost = null)
    {
        var start = new ProcessStartInfo("timeout") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add("--kill-after=1");
        start.ArgumentList.Add(((atMost ?? Limit).TotalSeconds * 2).ToString(CultureInfo.InvariantCulture));
        start.ArgumentList.Add(Peer.Program(name));
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        foreach (var (key, value) in environment)
        {
            start.Environment[key] = value;
        }

        return new PeerProcess(Process.Start(start) ?? throw new InvalidOperationException($"'{name}' did not start."));
    }

    private static void Append(StringBuilder text, string? line)
    {
        lock (text)
        {
            text.AppendLine(line);
        }
    }
}
