using System.Diagnostics.CodeAnalysis;

namespace ProxylessMesh.ControlPlane.Workloads;

/// <summary>
/// Who runs where. A workload is here while a lease holds it, and for a grace period after its stream broke, so that neither a
/// reconnect nor a restart of the control plane takes endpoints away. Thread safe.
/// </summary>
internal sealed class WorkloadRegistry(TimeProvider time, TimeSpan gracePeriod)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);
    private WorkloadSet _current = WorkloadSet.Empty;

    /// <summary>Raised after <see cref="Current"/> changed. Return quickly.</summary>
    public event Action? Changed;

    public WorkloadSet Current => Volatile.Read(ref _current);

    /// <summary>
    /// Takes a workload in, or takes it over from the stream that held it before: the newest stream of an instance wins.
    /// </summary>
    /// <returns>False when the instance id belongs to another identity.</returns>
    public bool TryJoin(Workload workload, [NotNullWhen(true)] out WorkloadLease? lease)
    {
        lock (_lock)
        {
            if (_entries.TryGetValue(workload.InstanceId, out var entry) && entry.Workload.Id != workload.Id)
            {
                lease = null;
                return false;
            }

            entry?.Expiry?.Dispose();
            lease = new WorkloadLease(this, workload.InstanceId);
            _entries[workload.InstanceId] = new Entry { Workload = workload, Holder = lease };
            PublishLocked(workload);
        }

        Changed?.Invoke();
        return true;
    }

    /// <summary>Puts back what was known before a restart; each stays for <paramref name="rejoinPeriod"/> unless it joins again.</summary>
    public void Restore(IEnumerable<Workload> workloads, TimeSpan rejoinPeriod)
    {
        lock (_lock)
        {
            foreach (var workload in workloads)
            {
                var entry = new Entry { Workload = workload };
                if (_entries.TryAdd(workload.InstanceId, entry))
                {
                    PublishLocked(workload);
                    StartExpiryLocked(entry, rejoinPeriod);
                }
            }
        }

        Changed?.Invoke();
    }

    /// <summary>Changes the health of a workload that <paramref name="lease"/> still holds.</summary>
    /// <returns>The version of the set that has the change.</returns>
    internal long Update(WorkloadLease lease, WorkloadHealth health)
    {
        long version;
        lock (_lock)
        {
            if (!TryGetHeldLocked(lease, out var entry) || entry.Workload.Health == health)
            {
                return _current.Version;
            }

            entry.Workload = entry.Workload with { Health = health };
            PublishLocked(entry.Workload);
            version = _current.Version;
        }

        Changed?.Invoke();
        return version;
    }

    /// <summary>Ends a lease: at once, or after the grace period where the stream broke.</summary>
    internal void End(WorkloadLease lease, bool broken)
    {
        lock (_lock)
        {
            if (!TryGetHeldLocked(lease, out var entry))
            {
                return;
            }

            // Whoever announced that it goes is gone, however its stream ended.
            if (broken && gracePeriod > TimeSpan.Zero && entry.Workload.Health != WorkloadHealth.Draining)
            {
                entry.Holder = null;
                StartExpiryLocked(entry, gracePeriod);
                return;
            }

            RemoveLocked(entry);
        }

        Changed?.Invoke();
    }

    private bool TryGetHeldLocked(WorkloadLease lease, [NotNullWhen(true)] out Entry? entry)
        => _entries.TryGetValue(lease.InstanceId, out entry) && ReferenceEquals(entry.Holder, lease);

    private void StartExpiryLocked(Entry entry, TimeSpan period)
        => entry.Expiry = time.CreateTimer(static state => ((Expiring)state!).Run(), new Expiring(this, entry), period, Timeout.InfiniteTimeSpan);

    private void Expire(Entry entry)
    {
        lock (_lock)
        {
            // It may have joined again between the timer's decision and this lock: then another entry stands here.
            if (!_entries.TryGetValue(entry.Workload.InstanceId, out var present) || !ReferenceEquals(present, entry))
            {
                return;
            }

            RemoveLocked(entry);
        }

        Changed?.Invoke();
    }

    private void RemoveLocked(Entry entry)
    {
        entry.Expiry?.Dispose();
        _entries.Remove(entry.Workload.InstanceId);
        Volatile.Write(ref _current, new WorkloadSet(_current.Version + 1, _current.ByInstance.Remove(entry.Workload.InstanceId)));
    }

    private void PublishLocked(Workload workload)
        => Volatile.Write(ref _current, new WorkloadSet(_current.Version + 1, _current.ByInstance.SetItem(workload.InstanceId, workload)));

    private sealed class Entry
    {
        public required Workload Workload { get; set; }

        /// <summary>Null while no stream holds it.</summary>
        public WorkloadLease? Holder { get; set; }

        public ITimer? Expiry { get; set; }
    }

    private sealed record Expiring(WorkloadRegistry Registry, Entry Entry)
    {
        public void Run() => Registry.Expire(Entry);
    }
}
