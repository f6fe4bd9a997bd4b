namespace ProxylessMesh.Load;

/// <summary>
/// How busy this process is, measured when somebody asks and the last measurement is a second old: no timer runs. What clients weigh
/// endpoints by (gRFC A51, A58).
/// </summary>
/// <remarks>
/// Application utilization is the largest of three shares, each 0 when idle: processor time of the process over all cores; time that the
/// garbage collector stopped it; and work that waits in the thread pool per worker thread. The last goes above 1 under overload.
/// </remarks>
internal sealed class ServerLoad(TimeProvider time)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private long _calls;
    private long _errors;
    private long _running;
    private Totals _last;
    private LoadReport? _report;

    public void CallStarted() => Interlocked.Increment(ref _running);

    public void CallEnded(bool isError)
    {
        Interlocked.Decrement(ref _running);
        Interlocked.Increment(ref _calls);
        if (isError)
        {
            Interlocked.Increment(ref _errors);
        }
    }

    /// <summary>The report of about now; the same object until the next measurement.</summary>
    public LoadReport Current()
    {
        var report = Volatile.Read(ref _report);
        return report is not null && time.GetElapsedTime(report.MeasuredAt) < Interval ? report : Measure();
    }

    private LoadReport Measure()
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            if (_report is { } fresh && time.GetElapsedTime(fresh.MeasuredAt, now) < Interval)
            {
                return fresh;
            }

            var totals = Totals.Now(Interlocked.Read(ref _calls), Interlocked.Read(ref _errors));
            var elapsed = _report is { } before ? time.GetElapsedTime(before.MeasuredAt, now) : TimeSpan.Zero;
            _report = elapsed > TimeSpan.Zero ? totals.Since(_last, elapsed, now, Interlocked.Read(ref _running)) : new LoadReport { MeasuredAt = now };
            _last = totals;
            return _report;
        }
    }

    /// <summary>Sums since the process began.</summary>
    private readonly record struct Totals(TimeSpan Processor, TimeSpan Paused, long Calls, long Errors)
    {
        public static Totals Now(long calls, long errors)
            => new(Environment.CpuUsage.TotalTime, GC.GetTotalPauseDuration(), calls, errors);

        public LoadReport Since(in Totals before, TimeSpan elapsed, long now, long running)
        {
            var processor = Math.Clamp((Processor - before.Processor) / elapsed / Environment.ProcessorCount, 0, 1);
            var paused = Math.Clamp((Paused - before.Paused) / elapsed, 0, 1);
            var queued = ThreadPool.PendingWorkItemCount / (double)Math.Max(1, ThreadPool.ThreadCount);
            var memory = GC.GetGCMemoryInfo();
            return new LoadReport
            {
                MeasuredAt = now,
                Processor = processor,
                Memory = memory.TotalAvailableMemoryBytes > 0 ? Math.Clamp(Environment.WorkingSet / (double)memory.TotalAvailableMemoryBytes, 0, 1) : 0,
                Application = Math.Max(processor, Math.Max(paused, queued)),
                CallsPerSecond = (Calls - before.Calls) / elapsed.TotalSeconds,
                ErrorsPerSecond = (Errors - before.Errors) / elapsed.TotalSeconds,
                GcPauseShare = paused,
                ThreadPoolQueue = queued,
                Running = running,
            };
        }
    }
}
