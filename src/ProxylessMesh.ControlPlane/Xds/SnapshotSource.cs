using System.Collections.Concurrent;
using System.Collections.Frozen;
using ProxylessMesh.Protos;

namespace ProxylessMesh.ControlPlane.Xds;

/// <summary>The snapshot in force and the streams that follow it.</summary>
internal sealed class SnapshotSource
{
    private readonly ConcurrentDictionary<AdsSession, byte> _sessions = new();
    private readonly Lock _lock = new();
    private readonly List<AwaitedChange> _awaited = [];
    private XdsSnapshot _current = XdsSnapshot.Empty;

    /// <summary>Raised when a stream began, ended, or took something. Return quickly.</summary>
    public event Action? Progressed;

    public XdsSnapshot Current => Volatile.Read(ref _current);

    public IEnumerable<AdsSession> Sessions => _sessions.Keys;

    public void Publish(XdsSnapshot snapshot)
    {
        lock (_lock)
        {
            var previous = _current;
            Volatile.Write(ref _current, snapshot);
            Complete(previous, snapshot);
        }

        foreach (var session in _sessions.Keys)
        {
            session.Signal.Wake();
        }
    }

    public void Add(AdsSession session)
    {
        _sessions.TryAdd(session, 0);
        Progressed?.Invoke();
    }

    public void Remove(AdsSession session)
    {
        _sessions.TryRemove(session, out _);
        Progressed?.Invoke();
    }

    /// <summary>A stream answered a response.</summary>
    public void Progress() => Progressed?.Invoke();

    /// <summary>
    /// Makes a change of the workloads and tells, when the first snapshot with it is in force, which endpoint resources it touched.
    /// </summary>
    /// <param name="change">Makes the change and returns the version of the workload set that has it.</param>
    public Task<EndpointsChange> AfterAsync(Func<long> change)
    {
        // Under the lock, so that the snapshot with the change cannot come into force before somebody waits for it.
        lock (_lock)
        {
            var awaited = new AwaitedChange(change());
            if (_current.Workloads.Version >= awaited.WorkloadsVersion)
            {
                return Task.FromResult(new EndpointsChange(_current.Number, FrozenSet<string>.Empty));
            }

            _awaited.Add(awaited);
            return awaited.Completion.Task;
        }
    }

    private void Complete(XdsSnapshot previous, XdsSnapshot snapshot)
    {
        if (!_awaited.Exists(awaited => awaited.WorkloadsVersion <= snapshot.Workloads.Version))
        {
            return;
        }

        var change = new EndpointsChange(snapshot.Number, ChangedNames(previous, snapshot));
        _awaited.RemoveAll(awaited => awaited.WorkloadsVersion <= snapshot.Workloads.Version && awaited.Completion.TrySetResult(change));
    }

    private static FrozenSet<string> ChangedNames(XdsSnapshot previous, XdsSnapshot snapshot)
        => previous.OfType(XdsTypeUrls.ClusterLoadAssignment)
            .Where(old => !snapshot.Endpoints.TryGetValue(old.Key, out var now) || now.Version != old.Value.Version)
            .Select(static old => old.Key)
            .ToFrozenSet(StringComparer.Ordinal);

    private sealed record AwaitedChange(long WorkloadsVersion)
    {
        public TaskCompletionSource<EndpointsChange> Completion { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

/// <summary>Endpoint resources that changed, and the first snapshot that has them so.</summary>
internal sealed record EndpointsChange(long SnapshotNumber, IReadOnlySet<string> Names);
