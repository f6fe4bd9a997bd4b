using ProxylessMesh.Admission;
using ProxylessMesh.Xds;

namespace ProxylessMesh.Snapshots;

/// <summary>
/// One listening port for as long as the process lives. Its snapshot is replaced whole; connections keep the port and so follow
/// every change.
/// </summary>
internal sealed class InboundPort(int number, TimeProvider time) : IDisposable
{
    private readonly AdmissionPool _pool = new(time);
    private readonly TaskCompletionSource _policy = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private InboundSnapshot _current = InboundSnapshot.Waiting;

    public int Number { get; } = number;

    /// <summary>The number that peers know it by; the same unless something translates addresses on the way.</summary>
    public int Advertised { get; set; } = number;

    /// <summary>Who is connected.</summary>
    public PortConnections Connections { get; } = new();

    /// <summary>Read once per request.</summary>
    public InboundSnapshot Current => Volatile.Read(ref _current);

    /// <summary>Ends when the first policy is in force.</summary>
    public Task PolicyArrived => _policy.Task;

    /// <summary>Puts a config in force. One at a time: pushes come one after the other.</summary>
    public InboundSnapshot Publish(InboundConfig config)
    {
        var snapshot = new InboundCompiler(_pool, time).Compile(config, _current.Revision + 1);
        Volatile.Write(ref _current, snapshot);
        _policy.TrySetResult();
        return snapshot;
    }

    public void Dispose() => _pool.Dispose();
}
