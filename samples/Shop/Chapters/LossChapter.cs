using System.Globalization;
using Shop.Processes;

namespace Shop.Chapters;

/// <summary>Instances die and are restarted under load, and no caller notices.</summary>
internal sealed class LossChapter : Chapter
{
    public override string Name => "loss";

    public override string Title => "An instance is killed, another restarted; no call is lost";

    public override async Task PlayAsync(Stage stage, ChapterReport report, CancellationToken cancellationToken)
    {
        // Only v1 answers, so that half of the calls meet the instance that goes.
        await stage.ShiftCanaryAsync("before-loss", 100, 0, cancellationToken);
        await KillAsync(stage, report, cancellationToken);
        await RestartAsync(stage, report, cancellationToken);
        CheckOrders(stage, report);
    }

    private static async Task KillAsync(Stage stage, ChapterReport report, CancellationToken cancellationToken)
    {
        // A killed process may have done half of an order, and nobody can know: only calls that may be repeated are on their way.
        stage.Load.SendsOrders = false;
        await stage.Load.SettleAsync();

        var victim = stage.Fleet[ChildSpec.CatalogV1B];
        await stage.WaitForAnswersOfAsync(victim, cancellationToken);
        var window = stage.Load.OpenWindow();
        await stage.Fleet.KillAsync(ChildSpec.CatalogV1B);
        await Task.Delay(stage.Duration, stage.Time, cancellationToken);
        var tally = await window.CloseAsync();
        stage.Load.SendsOrders = true;

        report.Figure("killed", new { calls = tally.Calls, lost = tally.Lost, p99Ms = Math.Round(tally.Percentile(0.99).TotalMilliseconds, 1) });
        report.Say(string.Create(CultureInfo.InvariantCulture, $"{victim.Instance} killed: {tally.Calls} calls, {tally.Lost} lost, p99 {tally.Percentile(0.99).TotalMilliseconds:0} ms"));

        var next = await stage.Fleet.StartAsync(ChildSpec.CatalogV1B, cancellationToken);
        await stage.WaitForAnswersOfAsync(next, cancellationToken);
        report.Say($"{next.Instance} takes its place");
    }

    private static async Task RestartAsync(Stage stage, ChapterReport report, CancellationToken cancellationToken)
    {
        var window = stage.Load.OpenWindow();
        var leaving = stage.Fleet[ChildSpec.CatalogV1B];
        var asked = stage.Time.GetTimestamp();
        await stage.Fleet.StopAsync(ChildSpec.CatalogV1B, cancellationToken);
        var drained = stage.Time.GetElapsedTime(asked);
        var back = await stage.Fleet.StartAsync(ChildSpec.CatalogV1B, cancellationToken);
        await stage.WaitForAnswersOfAsync(back, cancellationToken);
        var tally = await window.CloseAsync();

        report.Figure("restarted", new { calls = tally.Calls, orders = tally.Orders, lost = tally.Lost, drainMs = Math.Round(drained.TotalMilliseconds) });
        report.Say(string.Create(CultureInfo.InvariantCulture, $"{leaving.Instance} restarted in good order: {tally.Calls} calls, {tally.Orders} of them orders, {tally.Lost} lost; drained in {drained.TotalMilliseconds:0} ms"));
        report.Check(tally.Orders > 0, "No order was sent during the restart.");
    }

    private static void CheckOrders(Stage stage, ChapterReport report)
    {
        var orders = stage.Fleet.Everyone.SelectMany(child => child.Messages.ToList()).OfType<OrderReserved>().Select(reserved => reserved.Order).ToList();
        var twice = orders.Count - orders.Distinct().Count();
        report.Figure("ordersReserved", orders.Count);
        report.Figure("ordersReservedTwice", twice);
        report.Say($"{orders.Count} orders reserved so far, {twice} of them twice");
        report.Check(twice == 0, $"{twice} of {orders.Count} orders were reserved twice: a call that is not idempotent was repeated after it had been processed.");
    }
}
