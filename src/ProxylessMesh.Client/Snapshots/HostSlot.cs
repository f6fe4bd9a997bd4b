namespace ProxylessMesh.Client.Snapshots;

/// <summary>The place of one host: the state in force, read once per call, and the wait for the first.</summary>
internal sealed class HostSlot(HostKey key)
{
    private readonly TaskCompletionSource<HostState> _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private HostState _state = HostState.Waiting;
    private UriPair? _lastUri;
    private volatile bool _used = true;

    public HostKey Key { get; } = key;

    public string Authority { get; } = key.Authority;

    public HostState State => Volatile.Read(ref _state);

    /// <summary>The subscription; set once it is made.</summary>
    public IDisposable? Watch { get; set; }

    /// <summary>Notes that the host is in use; cheap when that is known already.</summary>
    public void Touch()
    {
        if (!_used)
        {
            _used = true;
        }
    }

    /// <returns>Whether the host was called since the last time this was asked.</returns>
    public bool TakeUsed()
    {
        var used = _used;
        _used = false;
        return used;
    }

    /// <returns>What was in force before.</returns>
    public HostState Publish(HostState state)
    {
        var before = Interlocked.Exchange(ref _state, state);
        _first.TrySetResult(state);
        return before;
    }

    /// <summary>Waits for the first answer; when none comes in time the host counts as failed until one does.</summary>
    public async Task<HostState> FirstAsync(TimeSpan timeout, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            return await _first.Task.WaitAsync(timeout, time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            var failed = HostState.Failed($"the control plane has not answered within {timeout}");
            return Interlocked.CompareExchange(ref _state, failed, HostState.Waiting) is { Kind: not HostStateKind.Waiting } state ? state : failed;
        }
    }

    /// <summary>The same address with another scheme. The last one is remembered: many applications call the same few URIs.</summary>
    public Uri WithScheme(Uri uri, string scheme)
    {
        var last = Volatile.Read(ref _lastUri);
        if (last is not null && ReferenceEquals(last.From, uri) && last.Scheme == scheme)
        {
            return last.To;
        }

        // The path and query are canonical already: they come from a Uri.
        var authority = uri.IsDefaultPort ? uri.IdnHost : Authority;
        var to = new Uri($"{scheme}://{authority}{uri.PathAndQuery}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        Volatile.Write(ref _lastUri, new UriPair(uri, scheme, to));
        return to;
    }

    private sealed record UriPair(Uri From, string Scheme, Uri To);
}
