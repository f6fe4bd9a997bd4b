namespace ProxylessMesh.Admission;

/// <summary>A fixed number of calls at once.</summary>
internal sealed class ConcurrencyLimit(int max)
{
    private int _running;

    public int Running => Volatile.Read(ref _running);

    /// <summary>One that was let in ends with <see cref="Exit"/>.</summary>
    public bool TryEnter()
    {
        if (Interlocked.Increment(ref _running) <= max)
        {
            return true;
        }

        Interlocked.Decrement(ref _running);
        return false;
    }

    public void Exit() => Interlocked.Decrement(ref _running);
}
