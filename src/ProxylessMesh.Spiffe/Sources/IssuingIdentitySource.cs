using Microsoft.Extensions.Logging;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// A source that asks a CA for each certificate: the first at once, the next around the half of the lifetime, and after a failure again
/// and again, faster as the end comes nearer (<see cref="SvidRotation"/>).
/// </summary>
internal abstract class IssuingIdentitySource(TimeProvider time, ILogger logger) : RenewingIdentitySource(time, logger)
{
    /// <summary>One attempt.</summary>
    /// <exception cref="IdentityException">Why there is no certificate.</exception>
    protected abstract Task<WorkloadIdentity> IssueAsync(CancellationToken stop);

    protected override async Task KeepAsync(CancellationToken stop)
    {
        var failures = 0;
        while (true)
        {
            if (Status.RenewsAt is { } due && due > Time.GetUtcNow())
            {
                await Task.Delay(due - Time.GetUtcNow(), Time, stop).ConfigureAwait(false);
            }

            failures = await TryRenewAsync(stop).ConfigureAwait(false) ? 0 : failures + 1;
            if (failures > 0)
            {
                var left = (Current?.ExpiresAt ?? DateTimeOffset.MinValue) - Time.GetUtcNow();
                await Task.Delay(SvidRotation.RetryAfter(failures, left, Random.Shared.NextDouble()), Time, stop).ConfigureAwait(false);
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
