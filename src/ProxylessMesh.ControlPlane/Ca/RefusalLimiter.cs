using System.Net;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>
/// Slows down guessing: each refusal of an address is answered later than the one before, and few may wait at once. Good proofs are never delayed:
/// many workloads may share an address, and one of them may be misconfigured.
/// </summary>
internal sealed class RefusalLimiter(TimeProvider time)
{
    public const int MaxWaiting = 16;

    private const int MaxReasons = 16;

    private const int MaxAddresses = 10_000;

    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan Forgotten = TimeSpan.FromMinutes(1);

    private readonly Dictionary<IPAddress, Record> _records = [];
    private readonly Lock _gate = new();

    /// <summary>Waits as long as this address has earned. Returns how many refusals it has had of late, or 0 when too many wait: answer at once that it is busy.</summary>
    public async Task<int> RefuseAsync(IPAddress? address, CancellationToken cancellationToken)
    {
        var record = Find(address ?? IPAddress.None);
        var count = Interlocked.Increment(ref record.Refusals);
        try
        {
            if (Interlocked.Increment(ref record.Waiting) > MaxWaiting)
            {
                return 0;
            }

            var delay = FirstDelay * Math.Pow(2, Math.Min(count - 1, 10));
            await Task.Delay(delay < LongestDelay ? delay : LongestDelay, time, cancellationToken);
            return count;
        }
        finally
        {
            Interlocked.Decrement(ref record.Waiting);
        }
    }

    /// <summary>
    /// Whether a refusal is to be told: the first of its reason in a burst of an address, and each time that a burst is ten times as long. A burst has
    /// so many reasons at most, so that whoever guesses cannot fill a disk.
    /// </summary>
    public bool IsTold(IPAddress? address, string reason, int refusals)
    {
        var record = Find(address ?? IPAddress.None);
        lock (_gate)
        {
            return (record.Told.Count < MaxReasons && record.Told.Add(reason)) || IsPowerOfTen(refusals);
        }
    }

    private static bool IsPowerOfTen(int number)
    {
        while (number >= 10 && number % 10 == 0)
        {
            number /= 10;
        }

        return number == 1;
    }

    private Record Find(IPAddress address)
    {
        lock (_gate)
        {
            var now = time.GetTimestamp();
            if (_records.TryGetValue(address, out var record) && time.GetElapsedTime(record.LastAt, now) < Forgotten)
            {
                record.LastAt = now;
                return record;
            }

            if (_records.Count >= MaxAddresses)
            {
                _records.Clear();
            }

            return _records[address] = new Record { LastAt = now };
        }
    }

    private sealed class Record
    {
        public int Refusals;
        public int Waiting;

        public long LastAt { get; set; }

        public HashSet<string> Told { get; } = new(StringComparer.Ordinal);
    }
}
