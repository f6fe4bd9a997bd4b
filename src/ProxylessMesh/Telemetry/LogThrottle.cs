using System.Collections.Concurrent;
using System.Net;

namespace ProxylessMesh.Telemetry;

/// <summary>
/// Keeps a hostile or broken peer from filling the log: a line about the same address and cause comes once a minute, and tells how
/// many were left out. Bounded: past <see cref="MaxKeys"/> pairs the memory is dropped and lines repeat.
/// </summary>
internal sealed class LogThrottle(TimeProvider time)
{
    private const int MaxKeys = 1024;

    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<(IPAddress? Address, string Cause), Entry> _entries = new();

    /// <summary>Whether this occurrence is logged.</summary>
    public bool TryEnter(IPAddress? address, string cause, out long suppressed)
    {
        if (_entries.Count >= MaxKeys)
        {
            _entries.Clear();
        }

        var entry = _entries.GetOrAdd((address, cause), static _ => new Entry());
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
