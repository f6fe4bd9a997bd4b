using Shop.Processes;

namespace Shop.Chapters;

/// <summary>The mesh breaks and delays calls on purpose, and retries and timeouts absorb it.</summary>
internal sealed class FaultsChapter : Chapter
{
    private const string FaultFile = "pricing-faults.yaml";

    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

    public override string Name => "faults";

    public override string Title => "Faults are injected, and absorbed";

    public override async Task PlayAsync(Stage stage, ChapterReport report, CancellationToken cancellationToken)
    {
        var storefront = stage.Fleet[ChildSpec.Storefront];
        var before = Failures(storefront);
        var calm = await stage.MeasureAsync(cancellationToken);

        var firstFault = storefront.Messages.NextAsync(message => message is DownstreamFailed, "a fault to be injected", Stage.Patience, cancellationToken);
        stage.Manifests.Add(FaultFile);
        await firstFault;
        report.Say($"{FaultFile} is in force");

        var faulty = await stage.MeasureAsync(cancellationToken);
        var injected = Failures(storefront) - before;
        var calmAgain = await RemoveAsync(stage, storefront, cancellationToken);

        report.Figure("calls", faulty.Calls);
        report.Figure("faultsSeenByTheStorefront", injected);
        report.Figure("lost", faulty.Lost);
        report.Figure("p99MsBefore", Math.Round(calm.Percentile(0.99).TotalMilliseconds, 1));
        report.Figure("p99Ms", Math.Round(faulty.Percentile(0.99).TotalMilliseconds, 1));
        report.Figure("calmAgainMs", Math.Round(calmAgain.TotalMilliseconds));
        report.Say($"{injected} faults hit the storefront's calls to pricing; of {faulty.Calls} customers {faulty.Lost} noticed");
        report.Say($"{FaultFile} is gone, and so are the faults");
    }

    /// <summary>Removes the file and waits for a second without a fault.</summary>
    private static async Task<TimeSpan> RemoveAsync(Stage stage, ChildProcess storefront, CancellationToken cancellationToken)
    {
        var removed = stage.Time.GetTimestamp();
        stage.Manifests.Remove(FaultFile);
        int before, after;
        do
        {
            before = Failures(storefront);
            await stage.MeasureAsync(Quiet, cancellationToken);
            after = Failures(storefront);
            if (stage.Time.GetElapsedTime(removed) > Stage.Patience)
            {
                throw new ShowException($"{FaultFile} was removed {Stage.Patience.TotalSeconds:0} s ago, and calls still fail.");
            }
        }
        while (after > before);

        return stage.Time.GetElapsedTime(removed);
    }

    private static int Failures(ChildProcess storefront) => storefront.Messages.ToList().Count(message => message is DownstreamFailed);
}
