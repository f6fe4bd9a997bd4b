namespace ProxylessMesh.Xds.Client;

/// <summary>One watcher with what it needs. Evaluated on the client's loop, told on the delivery loop.</summary>
internal abstract class Watch : IDisposable
{
    private volatile bool _disposed;

    /// <summary>The entries that are kept for it.</summary>
    public HashSet<CacheEntry> Needed { get; private set; } = [];

    /// <summary>The host names that are resolved for it.</summary>
    public HashSet<NameEntry> NeededNames { get; private set; } = [];

    public bool IsDisposed => _disposed;

    /// <summary>
    /// Runs while there is nothing to tell yet but what a part of the clusters would do for: a cluster that never comes must not hold up calls
    /// that do not need it, and one that is a moment late must not fail those that do.
    /// </summary>
    public ITimer? Patience { get; set; }

    /// <summary>A first config without all of its clusters is better than none by now.</summary>
    public bool IsPatienceOver { get; private set; }

    /// <summary>The last walk could have told a part.</summary>
    public bool HasPart { get; protected set; }

    /// <summary>
    /// Looks at the cache again; <see cref="Needed"/> is brought up to date. While a new config is incomplete, what the last
    /// one needs is kept too: make before break.
    /// </summary>
    /// <returns>Whether there is something new to tell.</returns>
    public abstract bool Evaluate(Func<DependencyTracker> newWalk, Action<CacheEntry> onNew);

    /// <summary>Tells the watcher the latest update, where it has not heard it. On the delivery loop.</summary>
    public abstract void Deliver();

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            OnDisposed();
        }
    }

    protected abstract void OnDisposed();

    protected void Keep(DependencyTracker tracker, bool isComplete)
    {
        var needed = new HashSet<CacheEntry>(tracker.Needed);
        if (!isComplete)
        {
            needed.UnionWith(Needed);
        }

        foreach (var entry in needed)
        {
            entry.Needed += Needed.Contains(entry) ? 0 : 1;
        }

        foreach (var entry in Needed)
        {
            entry.Needed -= needed.Contains(entry) ? 0 : 1;
        }

        Needed = needed;
        var names = new HashSet<NameEntry>(tracker.NeededNames);
        if (!isComplete)
        {
            names.UnionWith(NeededNames);
        }

        NeededNames = names;
    }

    /// <summary>Ends the wait: because it has been long enough, or because everything has come.</summary>
    public void LosePatience(bool isOver)
    {
        IsPatienceOver = isOver;
        Patience?.Dispose();
        Patience = null;
    }

    /// <summary>Lets go of everything. On the client's loop.</summary>
    public void Release()
    {
        LosePatience(isOver: false);
        foreach (var entry in Needed)
        {
            entry.Needed--;
        }
    }
}

/// <summary>A watch for one kind of config.</summary>
internal sealed class Watch<TConfig>(
    Func<DependencyTracker, XdsUpdate<TConfig>?> walk,
    Func<TConfig, TConfig, bool> isSame,
    XdsWatcher<TConfig> watcher,
    Action<Watch> onDisposed) : Watch
    where TConfig : class
{
    private XdsUpdate<TConfig>? _last;
    private XdsUpdate<TConfig>? _pending;
    private bool _isLastPart;

    public override bool Evaluate(Func<DependencyTracker> newWalk, Action<CacheEntry> onNew)
    {
        DependencyTracker tracker;
        XdsUpdate<TConfig>? update;
        bool again;
        do
        {
            tracker = newWalk();
            update = walk(tracker);

            // What was imported for a new name lets the walk go further.
            again = false;
            foreach (var entry in tracker.Added)
            {
                onNew(entry);
                again |= entry.Config is not null || entry.Problem is not null;
            }
        }
        while (again);

        Keep(tracker, update is not null);

        // A config that is in force stays until the next is whole (gRFC A74); this is for where there is none.
        var part = _last is XdsUpdate<TConfig>.Ready && !_isLastPart ? null : tracker.Partial as XdsUpdate<TConfig>;
        HasPart = update is null && part is not null;
        _isLastPart = HasPart;
        if (update is not null)
        {
            LosePatience(isOver: false);
        }

        update ??= IsPatienceOver ? part : null;
        if (update is null || IsSame(_last, update))
        {
            return false;
        }

        _last = update;

        // Only the latest counts: a slow watcher skips what it missed.
        return Interlocked.Exchange(ref _pending, update) is null;
    }

    public override void Deliver()
    {
        if (Interlocked.Exchange(ref _pending, null) is { } update && !IsDisposed)
        {
            watcher(update);
        }
    }

    protected override void OnDisposed() => onDisposed(this);

    private bool IsSame(XdsUpdate<TConfig>? last, XdsUpdate<TConfig> next)
        => last is XdsUpdate<TConfig>.Ready before && next is XdsUpdate<TConfig>.Ready after
            ? isSame(before.Config, after.Config)
            : last == next;
}
