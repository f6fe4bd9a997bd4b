using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>Keeps retries from multiplying load: a share of the calls in flight (Envoy), and what past calls have saved up.</summary>
/// <remarks>
/// The share alone fails the very case that retries are for: a process dies and all that was in flight to it must go elsewhere at
/// once. So each call also pays its share into a purse with a bounded size, from which such a burst is paid. Over time no more than
/// the share of all calls is retried either way.
/// </remarks>
internal sealed class RetryBudget
{
    // One retry costs 100; a call pays the percentage.
    private const long Price = 100;
    private const long PurseSize = 100 * Price;

    private long _purse = 10 * Price;
    private int _active;
    private int _percent = 20;
    private int _minConcurrency = 3;
    private uint _limit = uint.MaxValue;

    /// <summary>Retries in flight.</summary>
    public int Active => Volatile.Read(ref _active);

    public void Use(CircuitBreakerConfig config)
    {
        Volatile.Write(ref _percent, (int)Math.Clamp(config.RetryBudgetPercent, 0, 100));
        Volatile.Write(ref _minConcurrency, config.RetryBudgetMinConcurrency);
        Volatile.Write(ref _limit, config.MaxRetries ?? uint.MaxValue);
    }

    /// <summary>A first attempt pays in.</summary>
    public void Deposit()
    {
        if (Volatile.Read(ref _purse) < PurseSize)
        {
            Interlocked.Add(ref _purse, Volatile.Read(ref _percent));
        }
    }

    /// <summary>Asks for one retry; each granted one is returned by <see cref="Return"/>.</summary>
    /// <param name="activeCalls">The cluster's calls in flight.</param>
    public bool TryTake(long activeCalls)
    {
        var active = Interlocked.Increment(ref _active);
        if (active <= Volatile.Read(ref _limit) && (active <= Share(activeCalls) || TryPay()))
        {
            return true;
        }

        Interlocked.Decrement(ref _active);
        return false;
    }

    public void Return() => Interlocked.Decrement(ref _active);

    private long Share(long activeCalls) => Math.Max(Volatile.Read(ref _minConcurrency), activeCalls * Volatile.Read(ref _percent) / 100);

    private bool TryPay()
    {
        if (Interlocked.Add(ref _purse, -Price) >= 0)
        {
            return true;
        }

        Interlocked.Add(ref _purse, Price);
        return false;
    }
}
