namespace Shop.Processes;

/// <summary>Entries in the order they came, the newest <see cref="Capacity"/> of them, and a way to wait for one. Thread safe.</summary>
internal sealed class Journal<T>(TimeProvider time)
{
    public const int Capacity = 20_000;

    private readonly Lock _lock = new();
    private readonly Queue<T> _entries = [];
    private readonly List<(Func<T, bool> Match, TaskCompletionSource<T> Found)> _waiting = [];

    public void Add(T entry)
    {
        lock (_lock)
        {
            _entries.Enqueue(entry);
            if (_entries.Count > Capacity)
            {
                _entries.Dequeue();
            }

            foreach (var (_, found) in _waiting.Where(waiter => waiter.Match(entry)))
            {
                found.TrySetResult(entry);
            }

            _waiting.RemoveAll(waiter => waiter.Found.Task.IsCompleted);
        }
    }

    public IReadOnlyList<T> ToList()
    {
        lock (_lock)
        {
            return [.. _entries];
        }
    }

    /// <summary>The newest entries, back to the first that does not match; the newest first.</summary>
    public IReadOnlyList<T> Newest(Func<T, bool> match)
    {
        lock (_lock)
        {
            return [.. _entries.Reverse().TakeWhile(match)];
        }
    }

    /// <summary>The first entry that matches, among those already here and those to come.</summary>
    /// <param name="match">Called under a lock: quick and without side effects.</param>
    /// <param name="what">What is waited for, to be read after "Waited 10 s for …".</param>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<T> FirstAsync(Func<T, bool> match, string what, TimeSpan timeout, CancellationToken cancellationToken)
        => WaitAsync(match, what, timeout, includePast: true, cancellationToken);

    /// <summary>The first entry from now on that matches.</summary>
    public Task<T> NextAsync(Func<T, bool> match, string what, TimeSpan timeout, CancellationToken cancellationToken)
        => WaitAsync(match, what, timeout, includePast: false, cancellationToken);

    private async Task<T> WaitAsync(Func<T, bool> match, string what, TimeSpan timeout, bool includePast, CancellationToken cancellationToken)
    {
        var found = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            foreach (var entry in includePast ? _entries.Where(match).Take(1) : [])
            {
                return entry;
            }

            _waiting.Add((match, found));
        }

        try
        {
            return await found.Task.WaitAsync(timeout, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new ShowException($"Waited {timeout.TotalSeconds:0} s for {what}, and it did not come.");
        }
        finally
        {
            lock (_lock)
            {
                _waiting.RemoveAll(waiter => waiter.Found == found);
            }
        }
    }
}
