using System.Globalization;

namespace Shop.Chapters;

/// <summary>Moves the load from v1 to v2 in three steps by editing one file, and measures each split.</summary>
internal sealed class CanaryChapter : Chapter
{
    // 99.99 %, two-sided: each call is an independent draw, so a right split fails here once in ten thousand measurements.
    private const double NormalQuantile = 3.891;

    private static readonly (int V1, int V2)[] Steps = [(90, 10), (50, 50), (0, 100)];

    public override string Name => "canary";

    public override string Title => "A canary moves while the shop is open";

    public override async Task PlayAsync(Stage stage, ChapterReport report, CancellationToken cancellationToken)
    {
        foreach (var (v1, v2) in Steps)
        {
            var release = $"canary-{v1}-{v2}";
            var took = await stage.ShiftCanaryAsync(release, v1, v2, cancellationToken);
            var tally = (await stage.MeasureAsync(cancellationToken)).OfRelease(release);

            var asked = v2 / 100.0;
            var measured = (double)tally.ByCatalogVersion.GetValueOrDefault("v2") / Math.Max(1, tally.Calls);
            var tolerance = NormalQuantile * Math.Sqrt(asked * (1 - asked) / Math.Max(1, tally.Calls));
            report.Figure($"{v1}/{v2}", new
            {
                calls = tally.Calls,
                askedV2 = asked,
                measuredV2 = Math.Round(measured, 4),
                tolerance = Math.Round(tolerance, 4),
                confidence = 0.9999,
                tookMs = Math.Round(took.TotalMilliseconds, 1),
            });
            var text = string.Create(CultureInfo.InvariantCulture, $"{v1}/{v2}: measured {1 - measured:P1} / {measured:P1} of {tally.Calls} calls (asked ± {tolerance:P1})");
            report.Say(string.Create(CultureInfo.InvariantCulture, $"{text}; in force {took.TotalMilliseconds:0} ms after the file was saved"));
            report.Check(tally.Calls > 0 && Math.Abs(measured - asked) <= tolerance, $"The split is off. {text}.");
        }
    }
}
