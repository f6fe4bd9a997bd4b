namespace ProxylessMesh.Xds.Client;

/// <summary>Growing waits between attempts: each 1.6 times the last up to a limit, varied by a fifth so that clients spread out.</summary>
/// <param name="initial">The first wait.</param>
/// <param name="longest">The limit, before variation.</param>
/// <param name="random">From 0 to 1; <see cref="Random.Shared"/> where a test does not ask.</param>
internal sealed class ExponentialBackoff(TimeSpan initial, TimeSpan longest, Func<double> random)
{
    private const double Factor = 1.6;
    private const double Jitter = 0.2;

    private TimeSpan? _last;

    public TimeSpan Next()
    {
        var wait = _last is { } last ? TimeSpan.FromTicks(Math.Min((long)(last.Ticks * Factor), longest.Ticks)) : initial;
        _last = wait;
        return wait * (1 - Jitter + (2 * Jitter * random()));
    }

    public void Reset() => _last = null;
}
