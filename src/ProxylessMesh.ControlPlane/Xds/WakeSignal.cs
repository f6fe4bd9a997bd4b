namespace ProxylessMesh.ControlPlane.Xds;

/// <summary>Lets one loop sleep until someone wakes it. Wakes while it is awake are remembered, once. Any thread may wake.</summary>
internal sealed class WakeSignal
{
    private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes at the next wake, or is complete when there was one since <see cref="Reset"/>.</summary>
    public Task Waiting => Volatile.Read(ref _next).Task;

    public void Wake() => Volatile.Read(ref _next).TrySetResult();

    /// <summary>Forgets earlier wakes. Call it before reading the state that wakes are about, so that none is lost.</summary>
    public void Reset()
    {
        if (Volatile.Read(ref _next).Task.IsCompleted)
        {
            Volatile.Write(ref _next, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }
    }
}
