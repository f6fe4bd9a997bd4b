using System.Net;
using ProxylessMesh.Authentication;

namespace ProxylessMesh.Summaries;

/// <summary>
/// How often and when, minute by minute, in a ring as long as the window; and what all of its calls have in common beside the key.
/// Thread safe without a lock.
/// </summary>
internal sealed class CallEntry(int windowMinutes, DateTimeOffset firstSeen, MeshPeer? peer)
{
    // One more than the window: the minute that runs is not whole. Each slot is the minute in the upper half and the count in the lower.
    private readonly long[] _slots = new long[windowMinutes + 1];
    private volatile bool _addressVaries;
    private volatile bool _localAddressVaries;
    private volatile bool _serverNameVaries;
    private int _lastMinute;

    public DateTimeOffset FirstSeen { get; } = firstSeen;

    public int LastMinute => Volatile.Read(ref _lastMinute);

    /// <summary>Null where the calls came from several, or it is not known.</summary>
    public IPAddress? RemoteAddress => _addressVaries ? null : peer?.RemoteAddress;

    /// <summary>Null where the calls came to several.</summary>
    public IPAddress? LocalAddress => _localAddressVaries ? null : peer?.LocalAddress;

    /// <summary>Null where the calls asked for several.</summary>
    public string? ServerName => _serverNameVaries ? null : peer?.ServerName;

    public void Add(int minute, MeshPeer caller)
    {
        Count(minute);
        if (!ReferenceEquals(caller, peer) && peer is not null)
        {
            Compare(caller, peer);
        }
    }

    /// <summary>Calls in the minutes from <paramref name="first"/> to <paramref name="last"/>, both included.</summary>
    public long Between(int first, int last)
    {
        var count = 0L;
        for (var i = 0; i < _slots.Length; i++)
        {
            var slot = Volatile.Read(ref _slots[i]);
            var minute = (int)(slot >> 32);
            count += minute >= first && minute <= last ? (uint)slot : 0;
        }

        return count;
    }

    private void Count(int minute)
    {
        ref var slot = ref _slots[minute % _slots.Length];
        var seen = Volatile.Read(ref slot);
        while (true)
        {
            var next = (int)(seen >> 32) == minute ? seen + 1 : ((long)minute << 32) | 1;
            var before = Interlocked.CompareExchange(ref slot, next, seen);
            if (before == seen)
            {
                break;
            }

            seen = before;
        }

        if (Volatile.Read(ref _lastMinute) < minute)
        {
            Volatile.Write(ref _lastMinute, minute);
        }
    }

    private void Compare(MeshPeer caller, MeshPeer first)
    {
        if (!_addressVaries && !Equals(caller.RemoteAddress, first.RemoteAddress))
        {
            _addressVaries = true;
        }

        if (!_localAddressVaries && !Equals(caller.LocalAddress, first.LocalAddress))
        {
            _localAddressVaries = true;
        }

        if (!_serverNameVaries && caller.ServerName != first.ServerName)
        {
            _serverNameVaries = true;
        }
    }
}
