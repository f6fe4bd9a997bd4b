using System.Collections.Concurrent;

namespace ProxylessMesh.Telemetry;

/// <summary>
/// Keeps a hostile or broken peer from filling the log: a line about the same peer and cause comes once a minute, and tells how
/// many were left out. Bounded: past <see cref="MaxKeys"/> pairs the memory is dropped and lines repeat.
/// </summary>
internal sealed class LogThrottle(TimeProvider time)
{
    private const int MaxKeys = 1024;

    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<(object? Who, string Cause), Entry> _entries = new();

    /// <summary>Whether this occurrence is logged.</summary>
    /// <param name="who">An address, or the name that the peer proved; compared by value.</param>
    /// <param name="cause">What happened.</param>
    /// <param name="suppressed">How many were left out since the last line.</param>
    public bool TryEnter(object? who, string cause, out long suppressed)
    {
        if (_entries.Count >= MaxKeys)
        {
            _entries.Clear();
        }

        var entry = _entries.GetOrAdd((who, cause), static _ => new Entry());
        lock (entry)
        {
            var now = time.GetTimestamp();
            if (entry.Last is { } last && time.GetElapsedTime(last, now) < Interval)
            {
                entry.Suppressed++;
                suppressed = 0;
                return false;
            }

            suppressed = entry.Suppressed;
            entry.Suppressed = 0;
            entry.Last = now;
            return true;
        }
    }

    private sealed class Entry
    {
        public long? Last { get; set; }

        public long Suppressed { get; set; }
    }
}
