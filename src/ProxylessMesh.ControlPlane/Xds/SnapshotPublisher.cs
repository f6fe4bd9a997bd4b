using System.Collections.Immutable;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.ControlPlane.Keys;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.ControlPlane.Workloads;

namespace ProxylessMesh.ControlPlane.Xds;

/// <summary>
/// Manifests, workloads or the list of revoked identities changed → translate → one new snapshot → all streams are woken. The first change after a quiet time is
/// published at once; after that, changes of the next <see cref="Pause"/> go together. An experiment that begins or ends is a change too.
/// </summary>
internal sealed partial class SnapshotPublisher(ManifestStore manifests, WorkloadRegistry workloads, MeshTranslator translator, SnapshotSource snapshots, ExperimentClock experiments, RevokedIdentities revoked, KeySetSource keys, TimeProvider time, ILogger<SnapshotPublisher> logger)
    : BackgroundService
{
    /// <summary>The shortest time between two snapshots.</summary>
    internal static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    // Timers end at seven weeks; an experiment may begin later.
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    private readonly WakeSignal _signal = new();
    private ImmutableArray<RevokedIdentity> _revokedList = [];
    private IReadOnlyList<string> _revokedIds = [];

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        manifests.Changed += _signal.Wake;
        workloads.Changed += _signal.Wake;
        revoked.Changed += _signal.Wake;
        keys.Changed += _signal.Wake;

        // Whoever connects first finds what is known by then.
        Publish();
        await base.StartAsync(cancellationToken);
    }

    public override void Dispose()
    {
        manifests.Changed -= _signal.Wake;
        workloads.Changed -= _signal.Wake;
        revoked.Changed -= _signal.Wake;
        keys.Changed -= _signal.Wake;
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await WaitAsync(stoppingToken);
            _signal.Reset();
            Publish();
            await Task.Delay(Pause, time, stoppingToken);
        }
    }

    private async Task WaitAsync(CancellationToken stoppingToken)
    {
        if (experiments.NextChange is not { } change)
        {
            await _signal.Waiting.WaitAsync(stoppingToken);
            return;
        }

        var wait = change - time.GetUtcNow();
        if (wait > TimeSpan.Zero)
        {
            await _signal.Waiting.WaitAsync(wait < LongestWait ? wait : LongestWait, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            stoppingToken.ThrowIfCancellationRequested();
        }
    }

    private void Publish()
    {
        var revision = manifests.Current;
        var workloadSet = workloads.Current;
        var started = time.GetTimestamp();
        try
        {
            var snapshot = translator.Translate(experiments.At(revision.Manifests, time.GetUtcNow()), [.. workloadSet.ByInstance.Values.Where(workload => !revoked.Contains(workload.Id))]);
            snapshots.Publish(snapshot with { Revision = revision.Number, Manifests = keys.In(revision.Manifests), Workloads = workloadSet, Revoked = Revoked() });
            LogPublished(snapshot.Number, revision.Number, workloadSet.ByInstance.Count, time.GetElapsedTime(started).TotalMilliseconds);
        }
#pragma warning disable CA1031 // A fault of translation must not end the pipeline: the last good snapshot stays in force.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            LogTranslationFailed(exception, revision.Number);
        }
    }

    // The same object while the list is the same: listeners are made anew when it changes.
    private IReadOnlyList<string> Revoked()
    {
        var list = revoked.List;
        if (list != _revokedList)
        {
            (_revokedList, _revokedIds) = (list, [.. list.Select(static identity => identity.Id)]);
        }

        return _revokedIds;
    }

    [LoggerMessage(6310, LogLevel.Debug, "Snapshot {Number} of revision {Revision} with {Workloads} workloads is in force; translated in {Milliseconds:F1} ms.")]
    private partial void LogPublished(long number, long revision, int workloads, double milliseconds);

    [LoggerMessage(6311, LogLevel.Error, "Revision {Revision} could not be translated; the last good snapshot stays in force. This is a fault of ProxylessMesh: please report it with the manifests.")]
    private partial void LogTranslationFailed(Exception exception, long revision);
}
