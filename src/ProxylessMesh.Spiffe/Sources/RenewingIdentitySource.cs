using Microsoft.Extensions.Logging;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// An identity that something keeps fresh for as long as <see cref="RunAsync"/> runs: a CA, an agent, files. Failures never end it: they
/// show in <see cref="Status"/>, and are logged when they change. What asks about health and metrics looks at this class alone.
/// </summary>
internal abstract partial class RenewingIdentitySource(TimeProvider time, ILogger logger) : IdentitySource
{
    /// <summary>One change at a time: the renewal and a new bundle come from different threads.</summary>
    private readonly Lock _gate = new();

    private IdentityStatus _status = new() { State = IdentityState.Waiting };
    private TrustBundleSet? _followed;
    private long _rotations;
    private long _failures;
    private int _hasRun;

    /// <summary>Raised after an attempt has changed <see cref="Status"/>, on the thread that changed it.</summary>
    public event Action<IdentityStatus>? StatusChanged;

    /// <summary>How it stands at this moment; expiry is judged by the clock when this is read.</summary>
    public IdentityStatus Status
    {
        get
        {
            var status = Volatile.Read(ref _status);
            return status.ExpiresAt <= time.GetUtcNow() ? status with { State = IdentityState.Expired } : status;
        }
    }

    /// <summary>Certificates put in force so far, the first included.</summary>
    public long Rotations => Volatile.Read(ref _rotations);

    /// <summary>Attempts that have failed so far.</summary>
    public long Failures => Volatile.Read(ref _failures);

    /// <summary>
    /// Bundles that are trusted besides those that come with the certificate: for a control plane, and peers, of another CA. Roots of a trust
    /// domain that is in both are added up. Set before <see cref="RunAsync"/>.
    /// </summary>
    public IReadOnlyList<TrustBundle> AlsoTrusted { get; init; } = [];

    /// <summary>Where the certificates come from and for whom, for logs and messages: <c>service account 'a' in namespace 'b'</c>.</summary>
    public abstract string Subject { get; }

    /// <summary>The clock of schedules and expiry.</summary>
    protected TimeProvider Time => time;

    /// <summary>Keeps the identity fresh until cancelled; ends without an exception then. Runs once.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        if (Interlocked.Exchange(ref _hasRun, 1) != 0)
        {
            throw new InvalidOperationException("This source has been run already. Make a new one.");
        }

        try
        {
            await KeepAsync(stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Asked to stop. The identity stays in force for what is still running.
        }
    }

    /// <summary>Replaces the roots and keeps the certificate: what a CA or an agent sends between two renewals. Nothing without an identity.</summary>
    public void ReplaceBundles(TrustBundleSet bundles)
    {
        lock (_gate)
        {
            if (Current is { } identity)
            {
                Publish(new WorkloadIdentity(identity.Id, identity.Leaf, identity.Intermediates, bundles.With(AlsoTrusted)));
            }
        }
    }

    /// <summary>
    /// Puts bundles in force that somebody keeps current: from now on they go before those that come with a certificate, which were read
    /// earlier. With <see langword="null"/> nobody keeps them any more, and the next certificate brings its own.
    /// </summary>
    public void FollowBundles(TrustBundleSet? bundles)
    {
        lock (_gate)
        {
            _followed = bundles?.With(AlsoTrusted);
            if (_followed is not null && Current is { } identity && !identity.Bundles.IsSameAs(_followed))
            {
                Publish(new WorkloadIdentity(identity.Id, identity.Leaf, identity.Intermediates, _followed));
            }
        }
    }

    /// <summary>The work of the source, until cancelled.</summary>
    protected abstract Task KeepAsync(CancellationToken stop);

    /// <summary>A new certificate is in force. Without <paramref name="renewsAt"/> somebody else decides when the next comes.</summary>
    protected void PutInForce(WorkloadIdentity identity, DateTimeOffset? renewsAt)
    {
        lock (_gate)
        {
            // An agent sends the same certificate again when a bundle changes.
            if (Current is not { } before || !before.Leaf.RawDataMemory.Span.SequenceEqual(identity.Leaf.RawDataMemory.Span))
            {
                _rotations++;
                LogInForce(identity.Id, identity.Leaf.SerialNumber, identity.ExpiresAt);
            }

            // Whoever hears of the new identity finds it ready.
            var status = new IdentityStatus { State = IdentityState.Ready, ExpiresAt = identity.ExpiresAt, RenewsAt = renewsAt };
            Volatile.Write(ref _status, status);
            var bundles = _followed ?? identity.Bundles.With(AlsoTrusted);
            Publish(identity.Bundles.IsSameAs(bundles) ? identity : new WorkloadIdentity(identity.Id, identity.Leaf, identity.Intermediates, bundles));
            StatusChanged?.Invoke(status);
        }
    }

    /// <summary>An attempt has failed. What is in force stays in force.</summary>
    protected void Fail(IdentityException error)
    {
        lock (_gate)
        {
            var before = _status;
            _failures++;
            if (before.Error?.Error != error.Error)
            {
                LogFailed(Subject, error.Message, error.InnerException);
            }

            var status = before with
            {
                State = Current is null ? IdentityState.Waiting : IdentityState.Stale,
                FailingSince = before.FailingSince ?? time.GetUtcNow(),
                Error = error,
            };
            Volatile.Write(ref _status, status);
            StatusChanged?.Invoke(status);
        }
    }

    /// <summary>The next certificate is due earlier than planned; without effect when it is due by then anyway.</summary>
    protected void PutForward(DateTimeOffset renewsAt)
    {
        lock (_gate)
        {
            if (_status.RenewsAt > renewsAt)
            {
                var status = _status with { RenewsAt = renewsAt };
                Volatile.Write(ref _status, status);
                StatusChanged?.Invoke(status);
            }
        }
    }

    [LoggerMessage(3001, LogLevel.Information, "Certificate {Serial} for {Id} is in force until {ExpiresAt:u}.")]
    private partial void LogInForce(SpiffeId id, string serial, DateTimeOffset expiresAt);

    [LoggerMessage(3002, LogLevel.Warning, "No new certificate for {Subject}: {Reason}")]
    private partial void LogFailed(string subject, string reason, Exception? cause);
}
