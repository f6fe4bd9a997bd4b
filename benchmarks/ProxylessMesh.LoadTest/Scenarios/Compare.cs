using System.Globalization;
using ProxylessMesh.LoadTest.Arrangements;
using ProxylessMesh.LoadTest.Load;

namespace ProxylessMesh.LoadTest.Scenarios;

/// <summary>The arrangements in turn, round after round; each figure is the median over the rounds of its ratio to the floor in the same round.</summary>
internal static class Compare
{
    public static async Task RunAsync(IReadOnlyList<IArrangement> arrangements, int rounds, TimeSpan duration, IReadOnlyList<int> callers)
    {
        foreach (var arrangement in arrangements)
        {
            await MeasureAsync(arrangement, callers.Max(), TimeSpan.FromSeconds(3)); // warm up: JIT, connections
        }

        foreach (var count in callers)
        {
            var results = arrangements.Select(static _ => new List<LoadResult>()).ToArray();
            for (var round = 0; round < rounds; round++)
            {
                for (var i = 0; i < arrangements.Count; i++)
                {
                    // The order turns, so that no arrangement always follows the same one.
                    var turn = (i + round) % arrangements.Count;
                    results[turn].Add(await MeasureAsync(arrangements[turn], count, duration));
                }
            }

            Print(arrangements, results, count, rounds);
        }
    }

    private static async Task<LoadResult> MeasureAsync(IArrangement arrangement, int callers, TimeSpan duration)
    {
        var result = await ClosedLoop.RunAsync(arrangement.Client, arrangement.Target, callers, duration, new CpuClock(arrangement.Processes));
        return result.Failed == 0 ? result : throw new InvalidOperationException($"'{arrangement.Name}' failed {result.Failed} calls: its figures mean nothing.");
    }

    private static void Print(IReadOnlyList<IArrangement> arrangements, List<LoadResult>[] results, int callers, int rounds)
    {
        Console.WriteLine();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{callers} callers, {rounds} rounds; medians of the ratio to '{arrangements[0].Name}' in the same round (p10-p90)"));
        Console.WriteLine();
        Console.WriteLine("| arrangement | calls/s | p50 | p99 | CPU per call | calls/s, median | p50 µs | p99 µs | CPU ms per 1,000 calls |");
        Console.WriteLine("|--|--|--|--|--|--|--|--|--|");
        for (var i = 0; i < arrangements.Count; i++)
        {
            var floor = results[0];
            var own = results[i];
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {arrangements[i].Name} | {Ratio(own, floor, static r => r.CallsPerSecond)} | {Ratio(own, floor, static r => r.P50)} | {Ratio(own, floor, static r => r.P99)} | {Ratio(own, floor, static r => r.CpuPerCall)} | {Median(own, static r => r.CallsPerSecond):F0} | {Median(own, static r => r.P50):F0} | {Median(own, static r => r.P99):F0} | {Median(own, static r => r.CpuPerCall):F1} |"));
        }
    }

    private static string Ratio(List<LoadResult> own, List<LoadResult> floor, Func<LoadResult, double> figure)
    {
        double[] ratios = [.. own.Zip(floor, (a, b) => figure(a) / figure(b)).Order()];
        return string.Create(CultureInfo.InvariantCulture, $"{At(ratios, 0.5):F2} ({At(ratios, 0.1):F2}-{At(ratios, 0.9):F2})");
    }

    private static double Median(List<LoadResult> results, Func<LoadResult, double> figure) => At([.. results.Select(figure).Order()], 0.5);

    private static double At(double[] sorted, double quantile) => sorted[(int)Math.Round((sorted.Length - 1) * quantile)];
}
