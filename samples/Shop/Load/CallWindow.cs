namespace Shop.Load;

/// <summary>Collects the calls that start while it is open. Closing waits until each of them has ended, so that no loss goes uncounted.</summary>
internal sealed class CallWindow(Action<CallWindow> onClose)
{
    private readonly Lock _lock = new();
    private readonly List<CallRecord> _calls = [];
    private readonly TaskCompletionSource _settled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _inFlight;
    private bool _closed;

    /// <summary>The calls that have ended so far.</summary>
    public CallTally Current
    {
        get
        {
            lock (_lock)
            {
                return new CallTally([.. _calls]);
            }
        }
    }

    public void OnStarted()
    {
        lock (_lock)
        {
            _inFlight++;
        }
    }

    public void OnFinished(CallRecord call)
    {
        lock (_lock)
        {
            _calls.Add(call);
            _inFlight--;
            SettleLocked();
        }
    }

    public async Task<CallTally> CloseAsync()
    {
        onClose(this);
        lock (_lock)
        {
            _closed = true;
            SettleLocked();
        }

        // Every call has a timeout of its own: this ends.
        await _settled.Task;
        return Current;
    }

    private void SettleLocked()
    {
        if (_closed && _inFlight == 0)
        {
            _settled.TrySetResult();
        }
    }
}
