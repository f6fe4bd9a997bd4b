using System.Globalization;
using Shop.Processes;

namespace Shop.Chapters;

/// <summary>Certificates live for one minute; everybody's has been replaced by now, and nobody noticed.</summary>
internal sealed class RotationChapter : Chapter
{
    // A certificate lives one minute and is renewed well before its end.
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(75);

    public override string Name => "rotation";

    public override string Title => "Certificates rotate under load";

    public override async Task PlayAsync(Stage stage, ChapterReport report, CancellationToken cancellationToken)
    {
        var storefront = stage.Fleet[ChildSpec.Storefront];
        foreach (var member in stage.Fleet.Members)
        {
            await member.Messages.FirstAsync(_ => member.Identities.Count > 1, $"the second certificate of '{member.Instance}'", LongestWait, cancellationToken);
        }

        // The first certificates are worthless now: whatever is called from here on is called with a rotated one.
        var left = storefront.Identities[0].ExpiresAt - stage.Time.GetUtcNow();
        if (left > TimeSpan.Zero)
        {
            await Task.Delay(left, stage.Time, cancellationToken);
        }

        // Open connections outlive certificates; a new process makes everybody shake hands anew.
        var window = stage.Load.OpenWindow();
        await stage.Fleet.StopAsync(ChildSpec.PricingB, cancellationToken);
        var fresh = await stage.Fleet.StartAsync(ChildSpec.PricingB, cancellationToken);
        await stage.WaitForAnswersOfAsync(fresh, cancellationToken);
        await Task.Delay(stage.Duration, stage.Time, cancellationToken);
        var tally = await window.CloseAsync();

        var rotations = stage.Fleet.Everyone.Sum(member => Math.Max(0, member.Identities.Count - 1));
        report.Figure("rotations", rotations);
        report.Figure("rotatedProcesses", stage.Fleet.Members.Count(member => member.Identities.Count > 1));
        report.Figure("callsAfterFirstExpiry", tally.Calls);
        report.Figure("lostAfterFirstExpiry", tally.Lost);
        report.Say(string.Create(CultureInfo.InvariantCulture, $"{rotations} rotations so far; the storefront is at its certificate no. {storefront.Identities.Count}"));
        report.Say($"with the first certificates expired and a new handshake made: {tally.Calls} calls, {tally.Lost} lost");
    }
}
