using System.Diagnostics;

namespace Shop.Processes;

/// <summary>
/// A running process of the shop. It ends with its parent whatever happens: it watches its standard input, which the operating system
/// closes when the parent is gone.
/// </summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StreamWriter _log;
    private readonly Lock _logLock = new();
    private readonly TimeProvider _time;

    private ChildProcess(ChildSpec spec, string instance, Process process, StreamWriter log, TimeProvider time)
    {
        Spec = spec;
        Instance = instance;
        _process = process;
        _log = log;
        _time = time;
        Messages = new Journal<ChildMessage>(time);
        LogLines = new Journal<string>(time);
    }

    public ChildSpec Spec { get; }

    /// <summary>The name of this run of the process: <c>catalog-v1-b.2</c> after a restart of <c>catalog-v1-b</c>.</summary>
    public string Instance { get; }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public Journal<ChildMessage> Messages { get; }

    public Journal<string> LogLines { get; }

    /// <summary>Its certificates, the oldest first.</summary>
    public IReadOnlyList<IdentityIssued> Identities => [.. Messages.ToList().OfType<IdentityIssued>()];

    public Uri Address => Messages.ToList().OfType<Listening>().FirstOrDefault()?.Address
        ?? throw new ShowException($"Process '{Instance}' does not listen.");

    public static ChildProcess Start(ChildSpec spec, string instance, IReadOnlyDictionary<string, string> environment, RunFolder folder, TimeProvider time)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = folder.Path,
        };
        AddArguments(start, spec.Role);
        SetEnvironment(start, environment);

        var process = new Process { StartInfo = start };
        var child = new ChildProcess(spec, instance, process, new StreamWriter(Path.Combine(folder.Logs, instance + ".log")) { AutoFlush = true }, time);
        process.OutputDataReceived += (_, line) => child.OnOutput(line.Data);
        process.ErrorDataReceived += (_, line) => child.OnLog(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return child;
    }

    /// <summary>Waits for a message, or fails when the process ends before.</summary>
    public async Task<T> ExpectAsync<T>(Func<T, bool> match, string what, TimeSpan timeout, CancellationToken cancellationToken)
        where T : ChildMessage
    {
        using var wait = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var message = Messages.FirstAsync(message => message is T typed && match(typed), what, timeout, wait.Token);
        var exit = _process.WaitForExitAsync(wait.Token);
        if (await Task.WhenAny(message, exit) == exit && !cancellationToken.IsCancellationRequested)
        {
            throw new ShowException($"Process '{Instance}' ended with code {_process.ExitCode} while the show waited for {what}.");
        }

        var found = (T)await message;
        await wait.CancelAsync();
        return found;
    }

    public void Tell(string command)
    {
        _process.StandardInput.WriteLine(command);
        _process.StandardInput.Flush();
    }

    /// <summary>Ends it on the spot: no goodbye to anyone.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        await _process.WaitForExitAsync();
    }

    /// <summary>Asks it to drain and stop, as an orchestrator would.</summary>
    public async Task StopAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        Tell(ParentLine.Stop);
        try
        {
            await _process.WaitForExitAsync(cancellationToken).WaitAsync(timeout, _time, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new ShowException($"Process '{Instance}' was asked to stop and had not ended after {timeout.TotalSeconds:0} s.");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
        lock (_logLock)
        {
            _log.Dispose();
        }
    }

    private static void AddArguments(ProcessStartInfo start, string role)
    {
        // Under "dotnet Shop.dll" the executable is dotnet, and the assembly its first argument.
        if (Path.GetFileNameWithoutExtension(start.FileName).Equals("dotnet", StringComparison.OrdinalIgnoreCase))
        {
            start.ArgumentList.Add(Environment.GetCommandLineArgs()[0]);
        }

        start.ArgumentList.Add("--role");
        start.ArgumentList.Add(role);
    }

    private static void SetEnvironment(ProcessStartInfo start, IReadOnlyDictionary<string, string> environment)
    {
        // Whatever mesh the developer's shell is set up for, this one is private.
        foreach (var inherited in start.Environment.Keys.Where(IsMeshSetting).ToList())
        {
            start.Environment.Remove(inherited);
        }

        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }
    }

    private static bool IsMeshSetting(string name)
        => name.StartsWith("Mesh", StringComparison.OrdinalIgnoreCase) || name.StartsWith("GRPC_XDS", StringComparison.OrdinalIgnoreCase);

    private void OnOutput(string? line)
    {
        if (line is not null && ChildMessage.TryParse(line) is { } message)
        {
            Messages.Add(message);
        }
        else
        {
            OnLog(line);
        }
    }

    private void OnLog(string? line)
    {
        if (string.IsNullOrEmpty(line))
        {
            return;
        }

        LogLines.Add(line);
        lock (_logLock)
        {
            if (_log.BaseStream is { CanWrite: true })
            {
                _log.WriteLine(line);
            }
        }
    }
}
