using System.Globalization;
using Shop.Load;
using Shop.Processes;

namespace Shop.Chapters;

/// <summary>Calls find the instances by the service's name, share the load, and see a new instance come and go.</summary>
internal sealed class BalanceChapter : Chapter
{
    // Round robin is even but for the calls that the windows cut; two draws of least request are even only in the long run.
    private const double RoundRobinTolerance = 0.05;
    private const double LeastRequestTolerance = 0.20;

    public override string Name => "balance";

    public override string Title => "A name finds its instances, and they share the load";

    public override async Task PlayAsync(Stage stage, ChapterReport report, CancellationToken cancellationToken)
    {
        var before = await stage.MeasureAsync(cancellationToken);
        CheckShares(report, "pricing", before.ByPricingInstance, instances: 2, RoundRobinTolerance);
        CheckShares(report, "catalog v1", OfVersion(before, "v1"), instances: 2, LeastRequestTolerance);

        var third = await stage.Fleet.StartAsync(ChildSpec.PricingC, cancellationToken);
        var listening = stage.Time.GetTimestamp();
        await stage.WaitForAnswersOfAsync(third, cancellationToken);
        var found = stage.Time.GetElapsedTime(listening);
        report.Figure("newInstanceFoundMs", Math.Round(found.TotalMilliseconds, 1));
        report.Say(string.Create(CultureInfo.InvariantCulture, $"{third.Instance} joined; the first call reached it {found.TotalMilliseconds:0} ms after it began to listen"));

        var with = await stage.MeasureAsync(cancellationToken);
        CheckShares(report, "pricing with a third", with.ByPricingInstance, instances: 3, RoundRobinTolerance);
        await stage.Fleet.StopAsync(ChildSpec.PricingC, cancellationToken);
        report.Say($"{third.Instance} left");
    }

    private static Dictionary<string, int> OfVersion(CallTally tally, string version)
        => tally.Answers.Where(answer => answer.Catalog.Version == version).CountBy(answer => answer.Catalog.Instance).ToDictionary();

    private static void CheckShares(ChapterReport report, string service, IReadOnlyDictionary<string, int> calls, int instances, double tolerance)
    {
        var total = calls.Values.Sum();
        var fair = 1.0 / instances;
        var shares = calls.OrderBy(instance => instance.Key, StringComparer.Ordinal).ToDictionary(instance => instance.Key, instance => Math.Round((double)instance.Value / total, 3));
        report.Figure($"shares of {service}", shares);
        report.Say(string.Create(CultureInfo.InvariantCulture, $"{service}: {string.Join(", ", shares.Select(share => string.Create(CultureInfo.InvariantCulture, $"{share.Key} {share.Value:P1}")))}"));
        report.Check(shares.Count == instances, $"{shares.Count} instances of {service} answered; there are {instances}.");
        report.Check(
            shares.Values.All(share => Math.Abs(share - fair) <= tolerance),
            string.Create(CultureInfo.InvariantCulture, $"The shares of {service} are {string.Join(", ", shares.Values)}; each should be within {tolerance} of {fair:0.###}."));
    }
}
