namespace ProxylessMesh.Spiffe;

/// <summary>
/// The identity of this process as it is now. Read at each handshake: rotation needs no reconnect. Thread safe.
/// </summary>
public abstract class IdentitySource
{
    private readonly TaskCompletionSource<WorkloadIdentity> _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private WorkloadIdentity? _current;

    /// <summary>Raised after <see cref="Current"/> has changed, on the thread that changed it.</summary>
    public event Action<WorkloadIdentity>? Changed;

    /// <summary>Gets the identity in force, or <see langword="null"/> before the first has come.</summary>
    public WorkloadIdentity? Current => Volatile.Read(ref _current);

    /// <summary>Waits for the first identity.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The identity in force once there is one.</returns>
    public async ValueTask<WorkloadIdentity> GetAsync(CancellationToken cancellationToken)
        => Current ?? await _first.Task.WaitAsync(cancellationToken).ConfigureAwait(false);

    /// <summary>Puts a new identity in force.</summary>
    /// <param name="identity">The certificate and bundles, as one pair.</param>
    protected void Publish(WorkloadIdentity identity)
    {
        ArgumentNullException.ThrowIfNull(identity);
        Volatile.Write(ref _current, identity);
        _first.TrySetResult(identity);
        Changed?.Invoke(identity);
    }
}
