using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Admission;

/// <summary>
/// Keeps the limiters of one port from policy to policy: a push that leaves a limit as it was must not fill its buckets or forget what
/// runs. Used by one thread at a time, the one that applies pushes.
/// </summary>
internal sealed class AdmissionPool(TimeProvider time) : IDisposable
{
    private Dictionary<HttpFilterConfig, object> _inUse = [];
    private Dictionary<HttpFilterConfig, object> _next = [];

    /// <summary>What the filters of a route ask of a call; null: nothing.</summary>
    public CallAdmission? Compile(IEnumerable<HttpFilterConfig> filters)
    {
        var admission = filters.Aggregate(CallAdmission.None, (sum, filter) => filter switch
        {
            LocalRateLimitFilterConfig rate => sum with { RateLimiters = sum.RateLimiters.Add(Take(filter, () => new CallerRateLimiter(rate.Limit))) },
            AdaptiveConcurrencyFilterConfig adaptive => sum with { Gradient = Take(filter, () => new GradientLimit(adaptive.Limit, time)) },
            ConcurrencyLimitFilterConfig limit => sum with { Concurrency = Take(filter, () => new ConcurrencyLimit(limit.MaxCalls)) },
            LoadReportFilterConfig => sum with { ReportsLoad = true },
            _ => sum,
        });
        return ReferenceEquals(admission, CallAdmission.None) ? null : admission;
    }

    /// <summary>The policy compiled since the last time is in force: what it does not use is given back.</summary>
    public void Commit()
    {
        foreach (var (config, limiter) in _inUse)
        {
            if (!_next.ContainsKey(config))
            {
                (limiter as IDisposable)?.Dispose();
            }
        }

        (_inUse, _next) = (_next, []);
    }

    public void Dispose()
    {
        Commit();
        Commit();
    }

    private T Take<T>(HttpFilterConfig config, Func<T> make)
        where T : class
    {
        if (!_next.TryGetValue(config, out var limiter))
        {
            limiter = _inUse.TryGetValue(config, out var kept) ? kept : make();
            _next.Add(config, limiter);
        }

        return (T)limiter;
    }
}
