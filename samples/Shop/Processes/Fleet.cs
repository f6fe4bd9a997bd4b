using System.Collections.Concurrent;
using System.Globalization;

namespace Shop.Processes;

/// <summary>The processes of the shop: starts them, knows those that run, and ends them all.</summary>
internal sealed class Fleet(RunFolder folder, TimeProvider time) : IAsyncDisposable
{
    public static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(40);
    public static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(20);

    private readonly ConcurrentDictionary<string, ChildProcess> _running = [];
    private readonly ConcurrentDictionary<string, int> _starts = [];
    private readonly ConcurrentQueue<ChildProcess> _ended = [];
    private readonly ChildEnvironment _environment = new(folder);

    /// <summary>Every process that was ever started, ended ones first.</summary>
    public IReadOnlyList<ChildProcess> Everyone => [.. _ended, .. _running.Values];

    /// <summary>The running members of the mesh; without the control plane.</summary>
    public IReadOnlyList<ChildProcess> Members => [.. _running.Values.Where(child => child.Spec != ChildSpec.ControlPlane)];

    public ChildProcess this[ChildSpec spec] => _running.TryGetValue(spec.Name, out var child)
        ? child
        : throw new ShowException($"Process '{spec.Name}' does not run.");

    /// <summary>Where the control plane listens; the same after a restart.</summary>
    public Uri ControlPlane => _environment.ControlPlane;

    /// <summary>Tells the peers of <paramref name="spec"/> to call another address than the one it listens on.</summary>
    public void Advertise(ChildSpec spec, Uri address) => _environment.Advertise(spec, address);

    public string TokenFile(string serviceAccount) => _environment.TokenFile(serviceAccount);

    public string StateFolder(ChildSpec spec) => _environment.StateFolder(spec);

    /// <summary>Starts a process and waits until it listens, or has its identity where it only calls.</summary>
    public async Task<ChildProcess> StartAsync(ChildSpec spec, CancellationToken cancellationToken, int port = 0)
    {
        var start = _starts.AddOrUpdate(spec.Name, 1, (_, starts) => starts + 1);
        var instance = start == 1 ? spec.Name : string.Create(CultureInfo.InvariantCulture, $"{spec.Name}.{start}");
        var child = ChildProcess.Start(spec, instance, _environment.For(spec, instance, port), folder, time);
        _running[spec.Name] = child;

        if (spec.Serves)
        {
            await child.ExpectAsync<Listening>(_ => true, $"'{instance}' to listen", StartTimeout, cancellationToken);
        }

        if (spec != ChildSpec.ControlPlane)
        {
            await child.ExpectAsync<IdentityIssued>(_ => true, $"the identity of '{instance}'", StartTimeout, cancellationToken);
        }

        return child;
    }

    public async Task StopAsync(ChildSpec spec, CancellationToken cancellationToken)
    {
        var child = this[spec];
        await child.StopAsync(StopTimeout, cancellationToken);
        Forget(child);
    }

    public async Task KillAsync(ChildSpec spec)
    {
        var child = this[spec];
        await child.KillAsync();
        Forget(child);
    }

    /// <summary>The last lines of everybody's log, for the reader of a failure.</summary>
    public IEnumerable<(string Instance, IReadOnlyList<string> Lines)> LogTails(int lines)
        => Everyone.Select(child => (child.Instance, (IReadOnlyList<string>)[.. child.LogLines.ToList().TakeLast(lines)]));

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(Everyone.Select(child => child.DisposeAsync().AsTask()));
    }

    private void Forget(ChildProcess child)
    {
        _running.TryRemove(child.Spec.Name, out _);
        _ended.Enqueue(child);
    }
}
