using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>Keeps retries from multiplying load: a share of the calls in flight (Envoy), and what past calls have saved up.</summary>
/// <remarks>
/// A written <c>retry_budget</c> is kept to the letter, and a written <c>max_retries</c> as well; the budget wins (Envoy). What follows is
/// for clusters that have neither.
///
/// The share alone fails the very case that retries are for: a process dies and all that was in flight to it must go elsewhere at
/// once. So each call also pays its share into a purse with a bounded size, from which such a burst is paid. Over time no more than
/// the share of all calls is retried either way.
/// </remarks>
internal sealed class RetryBudget
{
    // One retry costs 100 percent; a call pays the percentage.
    private const long Price = 100_000;
    private const long PurseSize = 100 * Price;

    private static readonly Terms Default = new(20, 3, uint.MaxValue, HasPurse: true);

    private long _purse = 10 * Price;
    private int _active;
    private Terms _terms = Default;

    /// <summary>Retries in flight.</summary>
    public int Active => Volatile.Read(ref _active);

    public void Use(CircuitBreakerConfig config)
        => Volatile.Write(ref _terms, config switch
        {
            { HasRetryBudget: true } => new Terms(config.RetryBudgetPercent, config.RetryBudgetMinConcurrency, uint.MaxValue, HasPurse: false),
            { MaxRetries: { } limit and < uint.MaxValue } => new Terms(100, int.MaxValue, limit, HasPurse: false),
            _ => Default,
        });

    /// <summary>A first attempt pays in.</summary>
    public void Deposit()
    {
        var terms = Volatile.Read(ref _terms);
        if (terms.HasPurse && Volatile.Read(ref _purse) < PurseSize)
        {
            Interlocked.Add(ref _purse, (long)(terms.Percent * Price / 100));
        }
    }

    /// <summary>Asks for one retry; each granted one is returned by <see cref="Return"/>.</summary>
    /// <param name="activeCalls">The cluster's calls in flight.</param>
    public bool TryTake(long activeCalls)
    {
        var terms = Volatile.Read(ref _terms);
        var active = Interlocked.Increment(ref _active);
        if (active <= terms.Limit && (active <= terms.Share(activeCalls) || (terms.HasPurse && TryPay())))
        {
            return true;
        }

        Interlocked.Decrement(ref _active);
        return false;
    }

    public void Return() => Interlocked.Decrement(ref _active);

    private bool TryPay()
    {
        if (Interlocked.Add(ref _purse, -Price) >= 0)
        {
            return true;
        }

        Interlocked.Add(ref _purse, Price);
        return false;
    }

    private sealed record Terms(double Percent, int MinConcurrency, uint Limit, bool HasPurse)
    {
        public long Share(long activeCalls) => Math.Max(MinConcurrency, (long)(activeCalls * Percent / 100));
    }
}
