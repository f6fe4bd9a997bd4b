using ProxylessMesh.Spiffe;
using Shop.Load;
using Shop.Processes;
using Shop.Wire;

namespace Shop.Chapters;

/// <summary>What the chapters play with: the running processes, the load, the manifests and the ear on the wire.</summary>
/// <param name="Fleet">The processes.</param>
/// <param name="Load">The calls.</param>
/// <param name="Manifests">The folder that the control plane watches.</param>
/// <param name="Relay">Stands before <c>catalog-v1-a</c>.</param>
/// <param name="LoadIdentity">Who the load is in the mesh.</param>
/// <param name="Duration">How long each measurement lasts.</param>
/// <param name="Time">The clock.</param>
internal sealed record Stage(
    Fleet Fleet, LoadGenerator Load, ManifestFolder Manifests, RecordingRelay Relay, IdentitySource LoadIdentity, TimeSpan Duration, TimeProvider Time)
{
    /// <summary>How long anything may take that should happen at once.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(50);

    /// <summary>Counts calls for a while.</summary>
    public Task<CallTally> MeasureAsync(CancellationToken cancellationToken) => MeasureAsync(Duration, cancellationToken);

    /// <summary>Counts the calls that start during the given time.</summary>
    public async Task<CallTally> MeasureAsync(TimeSpan duration, CancellationToken cancellationToken)
    {
        var window = Load.OpenWindow();
        await Task.Delay(duration, Time, cancellationToken);
        return await window.CloseAsync();
    }

    /// <summary>Changes the canary's weights and waits for the first call that was routed by the new state of the file.</summary>
    /// <returns>How long that took.</returns>
    public async Task<TimeSpan> ShiftCanaryAsync(string release, int v1, int v2, CancellationToken cancellationToken)
    {
        var routed = Load.Calls.NextAsync(
            call => call.Answer?.Catalog.Release == release, $"a call routed by release '{release}' of catalog-canary.yaml", Patience, cancellationToken);
        var written = Time.GetTimestamp();
        Manifests.SetCanary(release, v1, v2);
        var first = await routed;
        return Time.GetElapsedTime(written, first.FinishedAt);
    }

    /// <summary>Waits for something outside of this process, which tells nobody when it happens.</summary>
    public async Task WaitUntilAsync(Func<bool> condition, string what, CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(LookAgain, Time);
        var begin = Time.GetTimestamp();
        while (!condition())
        {
            if (Time.GetElapsedTime(begin) > Patience)
            {
                throw new ShowException($"Waited {Patience.TotalSeconds:0} s for {what}, and it did not come.");
            }

            await timer.WaitForNextTickAsync(cancellationToken);
        }
    }

    /// <summary>Waits until this process answers calls.</summary>
    public Task WaitForAnswersOfAsync(ChildProcess child, CancellationToken cancellationToken) => Load.Calls.NextAsync(
        call => call.Answer is { } answer && (answer.Catalog.Instance == child.Instance || answer.PricingInstance == child.Instance),
        $"an answer of '{child.Instance}'", Patience, cancellationToken);
}
