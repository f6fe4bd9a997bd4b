using System.Globalization;
using Shop.Processes;

namespace Shop.Chapters;

/// <summary>The control plane is killed. Calls go on, a process restarts without it, and everything catches up when it is back.</summary>
internal sealed class ControlPlaneChapter : Chapter
{
    public override string Name => "control-plane";

    public override string Title => "The control plane is killed, and the shop stays open";

    public override async Task PlayAsync(Stage stage, ChapterReport report, CancellationToken cancellationToken)
    {
        await stage.ShiftCanaryAsync("before-outage", 100, 0, cancellationToken);
        await stage.WaitUntilAsync(() => HasLastKnownGood(stage), $"the last known good of '{ChildSpec.CatalogV1B.Name}' on disk", cancellationToken);

        var outage = stage.Load.OpenWindow();
        await stage.Fleet.KillAsync(ChildSpec.ControlPlane);
        report.Say("control-plane killed");
        await Task.Delay(stage.Duration, stage.Time, cancellationToken);
        await RestartCatalogAsync(stage, report, cancellationToken);
        var tally = await outage.CloseAsync();
        report.Figure("callsWithoutControlPlane", tally.Calls);
        report.Figure("lostWithoutControlPlane", tally.Lost);
        report.Say($"{tally.Calls} calls without a control plane, {tally.Lost} lost");

        await stage.Fleet.StartAsync(ChildSpec.ControlPlane, cancellationToken);
        var took = await stage.ShiftCanaryAsync("after-outage", 50, 50, cancellationToken);
        report.Figure("resyncMs", Math.Round(took.TotalMilliseconds));
        report.Say(string.Create(CultureInfo.InvariantCulture, $"control-plane is back; a file changed after its return was in force after {took.TotalMilliseconds:0} ms"));
    }

    private static bool HasLastKnownGood(Stage stage)
        => File.Exists(Path.Combine(stage.Fleet.StateFolder(ChildSpec.CatalogV1B), "snapshot.cms"));

    private static async Task RestartCatalogAsync(Stage stage, ChapterReport report, CancellationToken cancellationToken)
    {
        var before = stage.Fleet[ChildSpec.CatalogV1B];
        await stage.Fleet.StopAsync(ChildSpec.CatalogV1B, cancellationToken);

        // Nobody can be told of a new address now: it comes back where it was.
        var after = await stage.Fleet.StartAsync(ChildSpec.CatalogV1B, cancellationToken, before.Address.Port);
        await stage.WaitForAnswersOfAsync(after, cancellationToken);

        var sameCertificate = after.Identities[0].Serial == before.Identities[^1].Serial;
        report.Figure("restartedWithSealedIdentity", sameCertificate);
        report.Say($"{before.Instance} restarted meanwhile: {after.Instance} started from its last known good and serves");
        report.Check(sameCertificate, $"'{after.Instance}' has certificate {after.Identities[0].Serial} instead of the sealed {before.Identities[^1].Serial}.");
    }
}
