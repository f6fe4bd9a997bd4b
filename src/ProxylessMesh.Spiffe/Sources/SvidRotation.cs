namespace ProxylessMesh.Spiffe;

/// <summary>When a certificate is renewed and how soon a failed attempt is repeated. Pure: time and randomness come in.</summary>
internal static class SvidRotation
{
    /// <summary>Renewals of certificates issued together spread over this part of their lifetime, to either side of its half.</summary>
    public const double Spread = 0.1;

    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan SlowestRetry = TimeSpan.FromMinutes(1);

    /// <summary>Without a valid identity nothing works: more often than with one.</summary>
    private static readonly TimeSpan SlowestRetryWithoutIdentity = TimeSpan.FromSeconds(15);

    /// <summary>A moment around the half of what is left. <paramref name="random"/> is from 0 to 1.</summary>
    public static DateTimeOffset RenewAt(DateTimeOffset now, DateTimeOffset expiresAt, double random)
        => expiresAt <= now ? now : now + ((expiresAt - now) * (0.5 + (((2 * random) - 1) * Spread)));

    /// <summary>
    /// When to renew a certificate that was not issued just now (restored from a file): around the half of its lifetime; when that has
    /// passed, soon, but not at once: a whole fleet may have started together.
    /// </summary>
    public static DateTimeOffset RenewAt(DateTimeOffset now, DateTimeOffset issuedAt, DateTimeOffset expiresAt, double random)
    {
        var planned = RenewAt(issuedAt, expiresAt, random);
        return planned > now ? planned : now + (Min(SlowestRetryWithoutIdentity, (expiresAt - now) / 4) * random);
    }

    /// <summary>
    /// The pause after a failure: doubles from one second to a minute, but is never more than an eighth of the time left, so that
    /// attempts come faster as the end comes nearer. Half of it is random. Failures count from 1; what is left is zero or less without an identity.
    /// </summary>
    public static TimeSpan RetryAfter(int failures, TimeSpan left, double random)
    {
        var limit = left > TimeSpan.Zero ? Max(FirstRetry, Min(SlowestRetry, left / 8)) : SlowestRetryWithoutIdentity;
        var pause = Min(limit, FirstRetry * Math.Pow(2, Math.Min(failures - 1, 10)));
        return pause * (0.5 + (0.5 * random));
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
