using Microsoft.Extensions.Logging;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Client;

namespace ProxylessMesh.Client.Snapshots;

/// <summary>
/// The hosts that this process calls, each with the state in force. A call finds its host by one volatile read and one lookup; the
/// first call to a host subscribes to it.
/// </summary>
/// <remarks>
/// The table is copied to add or drop a host, never changed: readers need no lock. A push to a known host swaps the state in its slot.
/// Hosts that nobody called for a while are unsubscribed, and when there are too many, those that are no names of the mesh.
/// </remarks>
internal sealed partial class SnapshotSource : IDisposable
{
    /// <summary>A host that was not called for between one and two of these is unsubscribed.</summary>
    internal static readonly TimeSpan IdleInterval = TimeSpan.FromMinutes(30);

    /// <summary>Subscriptions above which names that are not the mesh's are forgotten at once.</summary>
    internal const int MaxHosts = 2000;

    private readonly IXdsClient _xds;
    private readonly SnapshotCompiler _compiler;
    private readonly ILogger<SnapshotSource> _logger;
    private readonly Lock _lock = new();
    private readonly ITimer _idle;
    private Dictionary<HostKey, HostSlot> _slots = [];

    public SnapshotSource(IXdsClient xds, SnapshotCompiler compiler, TimeProvider time, ILogger<SnapshotSource> logger)
    {
        _xds = xds;
        _compiler = compiler;
        _logger = logger;
        using (ExecutionContext.SuppressFlow())
        {
            _idle = time.CreateTimer(static self => ((SnapshotSource)self!).DropIdle(), this, IdleInterval, IdleInterval);
        }
    }

    /// <summary>The hosts subscribed to now.</summary>
    public IReadOnlyCollection<HostSlot> Hosts => Volatile.Read(ref _slots).Values;

    public HostSlot Find(HostKey key)
    {
        if (Volatile.Read(ref _slots).TryGetValue(key, out var slot))
        {
            slot.Touch();
            return slot;
        }

        return Subscribe(key);
    }

    public void Dispose()
    {
        _idle.Dispose();
        Drop(Volatile.Read(ref _slots).Values);
    }

    private HostSlot Subscribe(HostKey key)
    {
        HostSlot slot;
        List<HostSlot> forgotten = [];
        lock (_lock)
        {
            if (_slots.TryGetValue(key, out var existing))
            {
                return existing;
            }

            slot = new HostSlot(key);
            var next = new Dictionary<HostKey, HostSlot>(_slots) { [key] = slot };
            if (next.Count > MaxHosts)
            {
                forgotten.AddRange(_slots.Values.Where(static slot => slot.State.Kind == HostStateKind.Unknown));
                forgotten.ForEach(slot => next.Remove(slot.Key));
            }

            Volatile.Write(ref _slots, next);
        }

        Drop(forgotten);

        // The watcher lives longer than the call that starts it: its context (trace, deadline) must not leak into it.
        var flow = ExecutionContext.IsFlowSuppressed() ? default : ExecutionContext.SuppressFlow();
        try
        {
            slot.Watch = _xds.WatchTarget(slot.Authority, update => OnUpdate(slot, update));
        }
        finally
        {
            if (flow != default)
            {
                flow.Undo();
            }
        }

        // Dropped while the subscription was being made: nobody else will end it.
        if (slot.State.Kind == HostStateKind.Dropped)
        {
            slot.Watch.Dispose();
        }

        return slot;
    }

    private void OnUpdate(HostSlot slot, XdsUpdate<XdsConfig> update)
    {
        var next = update switch
        {
            XdsUpdate<XdsConfig>.Ready ready => HostState.Ready(_compiler.Compile(ready.Config)),
            XdsUpdate<XdsConfig>.Missing missing => HostState.Unknown(missing.Reason),
            XdsUpdate<XdsConfig>.Failed failed => HostState.Failed(failed.Reason),
            _ => HostState.Failed("the xDS client sent an update of an unknown kind"),
        };

        if (slot.State.Kind == HostStateKind.Dropped)
        {
            if (next.Routes is { } unused)
            {
                _compiler.Release(unused);
            }

            return;
        }

        // What is known stays known while the control plane is away.
        if (next.Kind == HostStateKind.Failed && slot.State.Kind is HostStateKind.Ready or HostStateKind.Unknown)
        {
            return;
        }

        var before = slot.Publish(next);
        if (before.Kind != next.Kind)
        {
            HostChanged(_logger, slot.Authority, next.Kind, next.Reason);
        }

        if (before.Routes is { } routes)
        {
            _compiler.Release(routes);
        }
    }

    private void DropIdle()
    {
        List<HostSlot> idle;
        lock (_lock)
        {
            idle = [.. _slots.Values.Where(static slot => !slot.TakeUsed())];
            if (idle.Count == 0)
            {
                return;
            }

            var next = new Dictionary<HostKey, HostSlot>(_slots);
            idle.ForEach(slot => next.Remove(slot.Key));
            Volatile.Write(ref _slots, next);
        }

        Drop(idle);
    }

    // A call that found the slot just before looks it up again.
    private void Drop(IReadOnlyCollection<HostSlot> slots)
    {
        foreach (var slot in slots)
        {
            slot.Watch?.Dispose();
            var before = slot.Publish(HostState.Dropped);
            if (before.Routes is { } routes)
            {
                _compiler.Release(routes);
            }
        }
    }

    [LoggerMessage(1501, LogLevel.Information, "Host '{Host}' is {State} {Reason}")]
    private static partial void HostChanged(ILogger logger, string host, HostStateKind state, string reason);
}
