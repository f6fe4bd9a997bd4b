using Microsoft.Extensions.Logging;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// A source that asks a CA for each certificate: the first at once, the next around the half of the lifetime, and after a failure again
/// and again, faster as the end comes nearer (<see cref="SvidRotation"/>).
/// </summary>
internal abstract class IssuingIdentitySource(TimeProvider time, ILogger logger) : RenewingIdentitySource(time, logger)
{
    private TaskCompletionSource _earlier = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Renews early, at a random moment of the time given: the CA has another key now, and the whole fleet was told at once.</summary>
    public void RenewWithin(TimeSpan window)
    {
        PutForward(Time.GetUtcNow() + (window * Random.Shared.NextDouble()));
        Volatile.Read(ref _earlier).TrySetResult();
    }

    /// <summary>One attempt.</summary>
    /// <exception cref="IdentityException">Why there is no certificate.</exception>
    protected abstract Task<WorkloadIdentity> IssueAsync(CancellationToken stop);

    protected override async Task KeepAsync(CancellationToken stop)
    {
        var failures = 0;
        while (true)
        {
            await UntilDueAsync(stop).ConfigureAwait(false);
            failures = await TryRenewAsync(stop).ConfigureAwait(false) ? 0 : failures + 1;
            if (failures > 0)
            {
                var left = (Current?.ExpiresAt ?? DateTimeOffset.MinValue) - Time.GetUtcNow();
                await Task.Delay(SvidRotation.RetryAfter(failures, left, Random.Shared.NextDouble()), Time, stop).ConfigureAwait(false);
            }
        }
    }

    private async Task UntilDueAsync(CancellationToken stop)
    {
        while (Status.RenewsAt is { } due && due - Time.GetUtcNow() is { Ticks: > 0 } wait)
        {
            // First a new signal, then a look at the time: whoever puts it forward meanwhile wakes this wait.
            var earlier = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            Volatile.Write(ref _earlier, earlier);
            if (Status.RenewsAt == due)
            {
                await earlier.Task.WaitAsync(wait, Time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                stop.ThrowIfCancellationRequested();
            }
        }
    }

    private async Task<bool> TryRenewAsync(CancellationToken stop)
    {
        try
        {
            var identity = await IssueAsync(stop).ConfigureAwait(false);
            PutInForce(identity, SvidRotation.RenewAt(Time.GetUtcNow(), identity.ExpiresAt, Random.Shared.NextDouble()));
            return true;
        }
        catch (IdentityException error)
        {
            Fail(error);
            return false;
        }
    }
}
