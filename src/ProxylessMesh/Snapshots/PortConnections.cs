using System.Collections.Concurrent;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Snapshots;

/// <summary>Who is connected to one port, counted so that neither one caller nor all together hold more connections than the port gives.</summary>
/// <remarks>Counts are kept whether a limit is set or not: one that comes later knows of the connections that are open.</remarks>
internal sealed class PortConnections
{
    private readonly ConcurrentDictionary<string, int> _callers = new(StringComparer.Ordinal);
    private int _open;

    public int Open => Volatile.Read(ref _open);

    /// <summary>How many connections a caller has open.</summary>
    public int OpenOf(string caller) => _callers.GetValueOrDefault(caller);

    /// <summary>A connection was accepted. It is counted whatever the answer, and ends with <see cref="Leave"/>.</summary>
    /// <returns>False: it is one too many.</returns>
    public bool Enter(ConnectionLimitFilterConfig? limit) => Interlocked.Increment(ref _open) <= (limit?.Max ?? int.MaxValue);

    public void Leave() => Interlocked.Decrement(ref _open);

    /// <summary>The connection's caller is proved. Counted whatever the answer, and ends with <see cref="LeaveAs"/>.</summary>
    /// <returns>False: it is one too many of this caller.</returns>
    public bool EnterAs(string caller, ConnectionLimitFilterConfig? limit)
        => _callers.AddOrUpdate(caller, 1, static (_, open) => open + 1) <= (limit?.MaxPerCaller ?? int.MaxValue);

    public void LeaveAs(string caller)
    {
        // An entry that reached zero goes, unless somebody came in between.
        if (_callers.AddOrUpdate(caller, 0, static (_, open) => open - 1) == 0)
        {
            _ = ((ICollection<KeyValuePair<string, int>>)_callers).Remove(new(caller, 0));
        }
    }
}
