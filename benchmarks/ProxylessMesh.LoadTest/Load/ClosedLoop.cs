using System.Diagnostics;

namespace ProxylessMesh.LoadTest.Load;

/// <summary>A fixed number of callers, each with one call in flight, for a while.</summary>
internal static class ClosedLoop
{
    public static async Task<LoadResult> RunAsync(HttpMessageInvoker client, Uri target, int callers, TimeSpan duration, CpuClock cpu)
    {
        var start = Stopwatch.GetTimestamp();
        var cpuBefore = cpu.Read();
        var results = await Task.WhenAll(Enumerable.Range(0, callers).Select(_ => Task.Run(() => CallAsync(client, target, start, duration))));
        var elapsed = Stopwatch.GetElapsedTime(start);
        var cpuUsed = cpu.Read() - cpuBefore;

        var latencies = new LatencyHistogram();
        long failed = 0;
        foreach (var (histogram, failures) in results)
        {
            latencies.Merge(histogram);
            failed += failures;
        }

        return new LoadResult(latencies.Count / elapsed.TotalSeconds, latencies.Microseconds(0.5), latencies.Microseconds(0.99), cpuUsed.TotalMicroseconds / Math.Max(1, latencies.Count), failed);
    }

    private static async Task<(LatencyHistogram Latencies, long Failed)> CallAsync(HttpMessageInvoker client, Uri target, long start, TimeSpan duration)
    {
        var latencies = new LatencyHistogram();
        long failed = 0;
        var now = start;
        while (Stopwatch.GetElapsedTime(start, now) < duration)
        {
            var before = Stopwatch.GetTimestamp();
            using var request = new HttpRequestMessage(HttpMethod.Get, target) { Version = System.Net.HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
            using var response = await client.SendAsync(request, CancellationToken.None);
            await response.Content.CopyToAsync(Stream.Null);
            now = Stopwatch.GetTimestamp();
            latencies.Add(Stopwatch.GetElapsedTime(before, now));
            failed += response.IsSuccessStatusCode ? 0 : 1;
        }

        return (latencies, failed);
    }
}

/// <summary>What one run of one arrangement gave.</summary>
/// <param name="CallsPerSecond">Finished calls per second.</param>
/// <param name="P50">Median latency, microseconds.</param>
/// <param name="P99">99th percentile, microseconds.</param>
/// <param name="CpuPerCall">CPU of every process involved, microseconds per call.</param>
/// <param name="Failed">Calls without a 2xx answer.</param>
internal sealed record LoadResult(double CallsPerSecond, double P50, double P99, double CpuPerCall, long Failed);
