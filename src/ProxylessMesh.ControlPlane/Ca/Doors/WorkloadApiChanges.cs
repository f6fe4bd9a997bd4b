using ProxylessMesh.ControlPlane.Federation;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.ControlPlane.Xds;

namespace ProxylessMesh.ControlPlane.Ca.Doors;

/// <summary>Wakes one stream of the Workload API when what it was told may no longer hold. Disposing ends that.</summary>
internal sealed class WorkloadApiChanges : IDisposable
{
    // Timers end at seven weeks.
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);

    private readonly WakeSignal _signal = new();
    private readonly ManifestStore _manifests;
    private readonly MeshTrust _trust;
    private readonly RevokedIdentities _revoked;
    private readonly BundleDocuments _documents;
    private readonly TimeProvider _time;

    public WorkloadApiChanges(ManifestStore manifests, MeshTrust trust, RevokedIdentities revoked, BundleDocuments documents, TimeProvider time)
    {
        (_manifests, _trust, _revoked, _documents, _time) = (manifests, trust, revoked, documents, time);
        manifests.Changed += _signal.Wake;
        trust.Changed += _signal.Wake;
        revoked.Changed += _signal.Wake;
        documents.Changed += _signal.Wake;
    }

    /// <summary>Forgets earlier changes: call it before looking at the state.</summary>
    public void Reset() => _signal.Reset();

    /// <summary>Returns at the next change, or when the time has come.</summary>
    public async Task WaitAsync(DateTimeOffset until, CancellationToken cancellationToken)
    {
        var left = until - _time.GetUtcNow();
        if (left > TimeSpan.Zero)
        {
            await _signal.Waiting.WaitAsync(left < LongestWait ? left : LongestWait, _time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }

    public void Dispose()
    {
        _manifests.Changed -= _signal.Wake;
        _trust.Changed -= _signal.Wake;
        _revoked.Changed -= _signal.Wake;
        _documents.Changed -= _signal.Wake;
    }
}
