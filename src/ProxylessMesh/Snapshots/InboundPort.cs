namespace ProxylessMesh.Snapshots;

/// <summary>
/// One listening port for as long as the process lives. Its snapshot is replaced whole; connections keep the port and so follow
/// every change.
/// </summary>
internal sealed class InboundPort(int number)
{
    private readonly TaskCompletionSource _policy = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private InboundSnapshot _current = InboundSnapshot.Waiting;

    public int Number { get; } = number;

    /// <summary>Read once per request.</summary>
    public InboundSnapshot Current => Volatile.Read(ref _current);

    /// <summary>Ends when the first policy is in force.</summary>
    public Task PolicyArrived => _policy.Task;

    public void Publish(InboundSnapshot snapshot)
    {
        Volatile.Write(ref _current, snapshot);
        _policy.TrySetResult();
    }
}
