using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Admission;

/// <summary>
/// Adaptive concurrency: how many calls may run at once follows from how their latency compares with the best that was measured (Envoy's
/// gradient controller). New limit = old limit * gradient + headroom, where gradient = (minRTT + buffer) / sampleRTT within 0.5 to 2 and
/// headroom = sqrt(old limit * gradient).
/// </summary>
/// <remarks>
/// The best latency (minRTT) is measured now and then with the limit held at its minimum, so that no queue hides in it. The measurement
/// comes early when the limit stood at its minimum for five windows: then the best latency is probably outdated.
/// Any thread may enter and exit; a window is closed by a timer under a lock that calls take only to end a measurement.
/// </remarks>
internal sealed class GradientLimit : IDisposable
{
    private const int WindowsAtMinimum = 5;

    private readonly AdaptiveConcurrencyConfig _config;
    private readonly TimeProvider _time;
    private readonly LatencyHistogram _samples = new();
    private readonly Lock _lock = new();
    private readonly ITimer _window;
    private readonly ITimer? _remeasure;
    private TimeSpan _minRtt;
    private long _epoch;
    private int _limitBefore;
    private int _atMinimum;
    private int _limit;
    private int _running;
    private volatile bool _measuring;
    private bool _disposed;

    public GradientLimit(AdaptiveConcurrencyConfig config, TimeProvider time)
    {
        _config = config;
        _time = time;
        _limit = (int)config.MinConcurrency;
        using (ExecutionContext.SuppressFlow())
        {
            if (config.FixedMinRtt is { } known)
            {
                _minRtt = known;
            }
            else
            {
                _remeasure = time.CreateTimer(static self => ((GradientLimit)self!).BeginMeasuring(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                BeginMeasuring();
            }

            _window = time.CreateTimer(static self => ((GradientLimit)self!).CloseWindow(), this, config.ConcurrencyUpdateInterval, config.ConcurrencyUpdateInterval);
        }
    }

    /// <summary>Calls that may run at once.</summary>
    public int Limit => Volatile.Read(ref _limit);

    /// <summary>Calls that run.</summary>
    public int Running => Volatile.Read(ref _running);

    /// <summary>The best latency is being measured.</summary>
    public bool IsMeasuring => _measuring;

    /// <summary>What a refused call is answered with.</summary>
    public int Status => _config.Status;

    /// <summary>Lets a call in, or not. One that was let in ends with <see cref="Exit"/>.</summary>
    public bool TryEnter(CallCriticality criticality)
    {
        var limit = Limit;
        var mine = criticality switch
        {
            CallCriticality.Sheddable => Math.Max(1, limit / 2),
            CallCriticality.Critical => limit + (int)Math.Ceiling(Math.Sqrt(limit)),
            _ => limit,
        };
        if (Interlocked.Increment(ref _running) <= mine)
        {
            return true;
        }

        Interlocked.Decrement(ref _running);
        return false;
    }

    /// <param name="started">The clock's timestamp when the call was let in.</param>
    /// <param name="isSample">False: the caller gave up, so how long it took says nothing.</param>
    public void Exit(long started, bool isSample)
    {
        Interlocked.Decrement(ref _running);

        // A call from before the measurement ran beside more others than it allows.
        if (!isSample || started < Volatile.Read(ref _epoch))
        {
            return;
        }

        if (_samples.Add(_time.GetElapsedTime(started)) >= _config.MinRttRequestCount && _measuring)
        {
            EndMeasuring();
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
        }

        _window.Dispose();
        _remeasure?.Dispose();
    }

    private void BeginMeasuring()
    {
        lock (_lock)
        {
            if (_measuring || _disposed)
            {
                return;
            }

            _limitBefore = _limit;
            Volatile.Write(ref _limit, (int)_config.MinConcurrency);
            _samples.Clear();
            Volatile.Write(ref _epoch, _time.GetTimestamp());
            _measuring = true;
        }
    }

    private void EndMeasuring()
    {
        lock (_lock)
        {
            if (!_measuring || _samples.Count < _config.MinRttRequestCount)
            {
                return;
            }

            _minRtt = _samples.Quantile(_config.SampleAggregatePercentile);
            _samples.Clear();
            Volatile.Write(ref _limit, _limitBefore);
            _atMinimum = 0;
            _measuring = false;
            if (!_disposed)
            {
                _remeasure!.Change(Jittered(_config.MinRttInterval!.Value), Timeout.InfiniteTimeSpan);
            }
        }
    }

    private void CloseWindow()
    {
        lock (_lock)
        {
            if (_measuring || _disposed || _samples.Count == 0)
            {
                return;
            }

            var sample = _samples.Quantile(_config.SampleAggregatePercentile);
            _samples.Clear();
            var next = Next(_limit, sample);
            _atMinimum = next == _config.MinConcurrency && _limit == next ? _atMinimum + 1 : 0;
            Volatile.Write(ref _limit, next);
        }

        if (_atMinimum >= WindowsAtMinimum && _remeasure is not null)
        {
            BeginMeasuring();
        }
    }

    private int Next(int limit, TimeSpan sample)
    {
        var allowed = _minRtt * (1 + (_config.MinRttBufferPercent / 100));
        var gradient = Math.Clamp(allowed / sample, 0.5, 2);
        var scaled = limit * gradient;
        return (int)Math.Clamp(scaled + Math.Sqrt(scaled), _config.MinConcurrency, _config.MaxConcurrencyLimit);
    }

    private TimeSpan Jittered(TimeSpan interval) => interval * (1 + (_config.MinRttJitterPercent / 100 * Random.Shared.NextDouble()));
}

/// <summary>How much a call matters when not all can be served, by the caller's word in <c>x-mesh-criticality</c>.</summary>
internal enum CallCriticality
{
    /// <summary>The whole limit.</summary>
    Default,

    /// <summary><c>sheddable</c>: half of the limit.</summary>
    Sheddable,

    /// <summary><c>critical</c>: the limit and its square root.</summary>
    Critical,
}
