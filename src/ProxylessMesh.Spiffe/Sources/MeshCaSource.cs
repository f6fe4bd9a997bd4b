using Microsoft.Extensions.Logging;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// Certificates from the mesh's own CA: enrols with a join token, renews with the certificate in force, for as long as
/// <see cref="RunAsync"/> runs. Failures never end it: they show in <see cref="Status"/>, and are logged when they change.
/// </summary>
internal sealed partial class MeshCaSource(MeshCaSettings settings, TimeProvider time, ILogger<MeshCaSource> logger) : IdentitySource
{
    private IdentityStatus _status = new() { State = IdentityState.Waiting };
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

    /// <summary>
    /// Puts a sealed identity in force; call before <see cref="RunAsync"/>, which then renews with it. Returns whether it is taken: one that
    /// has expired, or is for somebody else, is not.
    /// </summary>
    public bool Restore(WorkloadIdentity identity)
    {
        if (identity.ExpiresAt <= time.GetUtcNow() || identity.Id != SpiffeId.ForServiceAccount(identity.Id.TrustDomain, settings.Namespace, settings.ServiceAccount))
        {
            return false;
        }

        var issuedAt = new DateTimeOffset(identity.Leaf.NotBefore.ToUniversalTime(), TimeSpan.Zero);
        PutInForce(identity, SvidRotation.RenewAt(time.GetUtcNow(), issuedAt, identity.ExpiresAt, Random.Shared.NextDouble()));
        LogRestored(identity.Id, identity.ExpiresAt);
        return true;
    }

    /// <summary>Enrols and renews until cancelled; ends without an exception then. Runs once.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        if (Interlocked.Exchange(ref _hasRun, 1) != 0)
        {
            throw new InvalidOperationException("This source has been run already. Make a new one.");
        }

        using var enrolment = new Enrolment(settings, time);
        var failures = 0;
        try
        {
            while (true)
            {
                if (Status.RenewsAt is { } due && due > time.GetUtcNow())
                {
                    await Task.Delay(due - time.GetUtcNow(), time, stop).ConfigureAwait(false);
                }

                failures = await TryRenewAsync(enrolment, stop).ConfigureAwait(false) ? 0 : failures + 1;
                if (failures > 0)
                {
                    var left = (Current?.ExpiresAt ?? DateTimeOffset.MinValue) - time.GetUtcNow();
                    await Task.Delay(SvidRotation.RetryAfter(failures, left, Random.Shared.NextDouble()), time, stop).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // Asked to stop. The identity stays in force for what is still running.
        }
    }

    private async Task<bool> TryRenewAsync(Enrolment enrolment, CancellationToken stop)
    {
        try
        {
            var identity = await enrolment.IssueAsync(Current, stop).ConfigureAwait(false);
            LogIssued(identity.Id, identity.Leaf.SerialNumber, identity.ExpiresAt);
            PutInForce(identity, SvidRotation.RenewAt(time.GetUtcNow(), identity.ExpiresAt, Random.Shared.NextDouble()));
            return true;
        }
        catch (IdentityException error)
        {
            var before = _status;
            if (before.Error?.Error != error.Error)
            {
                LogFailed(settings.Namespace, settings.ServiceAccount, error.Message, error.InnerException);
            }

            Become(before with
            {
                State = Current is null ? IdentityState.Waiting : IdentityState.Stale,
                FailingSince = before.FailingSince ?? time.GetUtcNow(),
                Error = error,
            });
            return false;
        }
    }

    private void PutInForce(WorkloadIdentity identity, DateTimeOffset renewsAt)
    {
        Publish(identity);
        Become(new IdentityStatus { State = IdentityState.Ready, ExpiresAt = identity.ExpiresAt, RenewsAt = renewsAt });
    }

    private void Become(IdentityStatus status)
    {
        Volatile.Write(ref _status, status);
        StatusChanged?.Invoke(status);
    }

    [LoggerMessage(3001, LogLevel.Information, "Certificate {Serial} for {Id} is in force until {ExpiresAt:u}.")]
    private partial void LogIssued(SpiffeId id, string serial, DateTimeOffset expiresAt);

    [LoggerMessage(3002, LogLevel.Warning, "No new certificate for service account '{ServiceAccount}' in namespace '{Namespace}': {Reason}")]
    private partial void LogFailed(string @namespace, string serviceAccount, string reason, Exception? cause);

    [LoggerMessage(3003, LogLevel.Information, "The sealed certificate for {Id} is in force until {ExpiresAt:u}.")]
    private partial void LogRestored(SpiffeId id, DateTimeOffset expiresAt);
}
