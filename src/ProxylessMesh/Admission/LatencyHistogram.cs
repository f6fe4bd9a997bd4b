using System.Numerics;

namespace ProxylessMesh.Admission;

/// <summary>
/// Counts of latencies in buckets that grow with the latency: 16 to each doubling, so a quantile is at most 7 % off. Any thread adds
/// without a lock; reading while others add may miss those, which is harmless for an estimate.
/// </summary>
internal sealed class LatencyHistogram
{
    private const int PerDoubling = 16;
    private const int Doublings = 37;

    private readonly int[] _counts = new int[PerDoubling * Doublings];
    private int _count;

    public int Count => Volatile.Read(ref _count);

    /// <param name="latency">Up to 2^36 µs (19 hours); longer counts as that.</param>
    /// <returns>How many there are now.</returns>
    public int Add(TimeSpan latency)
    {
        Interlocked.Increment(ref _counts[Bucket((long)Math.Max(1, latency.TotalMicroseconds))]);
        return Interlocked.Increment(ref _count);
    }

    /// <summary>The latency that <paramref name="percentile"/> (0-100) of the samples do not exceed; zero without samples.</summary>
    public TimeSpan Quantile(double percentile)
    {
        var rank = Math.Max(1, (long)Math.Ceiling(Count * percentile / 100));
        var seen = 0L;
        for (var i = 0; i < _counts.Length; i++)
        {
            seen += Volatile.Read(ref _counts[i]);
            if (seen >= rank)
            {
                return TimeSpan.FromMicroseconds(Middle(i));
            }
        }

        return TimeSpan.Zero;
    }

    public void Clear()
    {
        Array.Clear(_counts);
        Volatile.Write(ref _count, 0);
    }

    private static int Bucket(long micros)
    {
        var doubling = BitOperations.Log2((ulong)micros);
        var within = doubling < 4 ? (int)((micros << 4) >> doubling) & (PerDoubling - 1) : (int)(micros >> (doubling - 4)) & (PerDoubling - 1);
        return Math.Min((doubling * PerDoubling) + within, (PerDoubling * Doublings) - 1);
    }

    private static double Middle(int bucket)
    {
        var low = Math.ScaleB(1 + ((bucket % PerDoubling) / (double)PerDoubling), bucket / PerDoubling);
        return bucket < 4 * PerDoubling ? low : low + (Math.ScaleB(1, bucket / PerDoubling) / PerDoubling / 2);
    }
}
