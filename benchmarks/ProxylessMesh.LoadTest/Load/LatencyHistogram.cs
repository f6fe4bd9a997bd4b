using System.Numerics;

namespace ProxylessMesh.LoadTest.Load;

/// <summary>Latencies in buckets of about 1 %: 64 per power of two of nanoseconds. One writer; merge when it is done.</summary>
internal sealed class LatencyHistogram
{
    private const int SubBits = 6;
    private readonly long[] _counts = new long[64 << SubBits];

    public long Count { get; private set; }

    public void Add(TimeSpan latency)
    {
        var nanoseconds = Math.Max(1UL, (ulong)(latency.Ticks * 100));
        _counts[Bucket(nanoseconds)]++;
        Count++;
    }

    public void Merge(LatencyHistogram other)
    {
        for (var i = 0; i < _counts.Length; i++)
        {
            _counts[i] += other._counts[i];
        }

        Count += other.Count;
    }

    /// <summary>The latency that a share of the calls did not exceed, in microseconds.</summary>
    /// <param name="quantile">From 0 to 1.</param>
    public double Microseconds(double quantile)
    {
        var wanted = Math.Max(1, (long)Math.Ceiling(Count * quantile));
        long seen = 0;
        for (var i = 0; i < _counts.Length; i++)
        {
            seen += _counts[i];
            if (seen >= wanted)
            {
                return LowerBound(i) / 1000.0;
            }
        }

        return 0;
    }

    private static int Bucket(ulong nanoseconds)
    {
        var exponent = BitOperations.Log2(nanoseconds);
        var fraction = exponent < SubBits ? nanoseconds << (SubBits - exponent) : nanoseconds >> (exponent - SubBits);
        return (exponent << SubBits) + (int)(fraction & ((1 << SubBits) - 1));
    }

    private static double LowerBound(int bucket)
    {
        var exponent = bucket >> SubBits;
        var fraction = bucket & ((1 << SubBits) - 1);
        return Math.Pow(2, exponent) * (1 + (fraction / (double)(1 << SubBits)));
    }
}
