using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Protos;
using ProxylessMesh.Protos.V1;

namespace ProxylessMesh.ControlPlane.Workloads;

/// <summary>Follows how many streams have taken the endpoints of a workload that drains.</summary>
internal sealed class DrainWatch(SnapshotSource snapshots, TimeProvider time)
{
    // Many answers come at once when a snapshot goes out.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(10);

    /// <summary>Drains the workload and reports each step, the last one with <c>done</c>.</summary>
    public async Task RunAsync(WorkloadLease lease, Func<DrainProgress, Task> report, CancellationToken cancellationToken)
    {
        var signal = new WakeSignal();
        snapshots.Progressed += signal.Wake;
        try
        {
            var change = await snapshots.AfterAsync(() => lease.Report(WorkloadHealth.Draining)).WaitAsync(cancellationToken);
            DrainProgress? reported = null;
            while (reported is not { Done: true })
            {
                signal.Reset();
                var progress = Measure(change);
                if (!progress.Equals(reported))
                {
                    await report(progress);
                    reported = progress;
                    continue;
                }

                await signal.Waiting.WaitAsync(cancellationToken);
                await Task.Delay(Pause, time, cancellationToken);
            }
        }
        finally
        {
            snapshots.Progressed -= signal.Wake;
        }
    }

    private DrainProgress Measure(EndpointsChange change)
    {
        var progress = new DrainProgress();
        foreach (var session in snapshots.Sessions)
        {
            var (subscribes, hasTaken) = session.Progress(XdsTypeUrls.ClusterLoadAssignment, change.Names, change.SnapshotNumber);
            progress.Subscribers += subscribes ? 1u : 0u;
            progress.Taken += hasTaken ? 1u : 0u;
        }

        progress.Done = progress.Taken == progress.Subscribers;
        return progress;
    }
}
