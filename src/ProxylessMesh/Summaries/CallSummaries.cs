using System.Collections.Concurrent;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Options;
using ProxylessMesh.Authentication;
using ProxylessMesh.Snapshots;

namespace ProxylessMesh.Summaries;

/// <summary>
/// What was called here in the last minutes, by whom and with what outcome: counts, not calls. For the preview of policy changes and
/// the report on plaintext. In memory only, gone with the process, and bounded: one caller cannot crowd the others out.
/// </summary>
/// <remarks>
/// A call that is like one before costs one look-up and one increment, and allocates nothing. When an endpoint has been called by
/// many paths, further ones are counted by its template; when a caller has used up its share, its further kinds of calls are counted as
/// one; when all is used up, only their number is kept.
/// </remarks>
internal sealed class CallSummaries
{
    /// <summary>Paths of one endpoint that one caller may have before they are counted by the template.</summary>
    public const int MaxPathsPerEndpoint = 16;

    private readonly ConcurrentDictionary<CallKey, CallEntry> _entries = new();
    private readonly ConcurrentDictionary<string, int> _shares = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Share, string Endpoint), int> _paths = [];
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly long _start;
    private readonly int _windowMinutes;
    private readonly int _max;
    private readonly int _maxPerCaller;
    private readonly CallEntry _overflow;
    private int _sweptMinute;
    private int _count;

    public CallSummaries(IOptions<MeshOptions> options, TimeProvider time)
    {
        _time = time;
        _start = time.GetTimestamp();
        Started = time.GetUtcNow();
        _windowMinutes = (int)Math.Ceiling(options.Value.Inbound.CallSummaryWindow.TotalMinutes);
        _max = options.Value.Inbound.MaxCallSummaries;
        _maxPerCaller = Math.Max(1, _max / 4);
        _overflow = new CallEntry(_windowMinutes, Started, null);
    }

    /// <summary>False: switched off, nothing is kept.</summary>
    public bool IsOn => _windowMinutes > 0;

    public DateTimeOffset Started { get; }

    /// <summary>How far back the records go now.</summary>
    public TimeSpan Recorded => _time.GetElapsedTime(_start) is var age && age < Window ? age : Window;

    private TimeSpan Window => TimeSpan.FromMinutes(_windowMinutes);

    /// <summary>A call as it came, before the application could change it.</summary>
    public static CallKey Describe(HttpRequest request, MeshPeer peer, InboundSnapshot snapshot, CallOutcome outcome, string? policy) => new CallKey
    {
        Caller = peer.IdText,
        Address = peer.Id is null ? peer.RemoteAddress : null,
        IsTls = peer.Id is not null,
        Method = request.Method,
        Path = request.Path.Value ?? "",
        Host = request.Headers.Host.ToString(),
        Port = peer.LocalPort,
        Revision = snapshot.Revision,
        Outcome = outcome,
        Policy = policy,
    }.Bounded();

    /// <summary>Counts a call that the application has taken: its routing has run by the time that it first waited for something.</summary>
    public void Record(in CallKey call, HttpContext context, MeshPeer peer)
        => Record(context.GetEndpoint() is RouteEndpoint { RoutePattern.RawText: { Length: > 0 } template } ? call with { Endpoint = template } : call, peer);

    public void Record(in CallKey call, MeshPeer peer)
    {
        var minute = Minute();
        if (minute != Volatile.Read(ref _sweptMinute))
        {
            Sweep(minute);
        }

        if (!_entries.TryGetValue(call, out var entry))
        {
            entry = FindOrAdd(call, peer);
        }

        entry.Add(minute, peer);
    }

    /// <summary>Everything of the last <paramref name="window"/>, with its count.</summary>
    public IEnumerable<(CallKey Key, CallEntry Entry, long Count)> Within(TimeSpan window)
    {
        var now = Minute();
        var first = FirstMinute(now, window);
        foreach (var (key, entry) in _entries)
        {
            if (entry.Between(first, now) is > 0 and var count)
            {
                yield return (key, entry, count);
            }
        }
    }

    /// <summary>Calls of the last <paramref name="window"/> of which only the number is known.</summary>
    public long Unrecorded(TimeSpan window)
    {
        var now = Minute();
        return _overflow.Between(FirstMinute(now, window), now);
    }

    /// <summary>When the minute of an entry was, to the minute.</summary>
    public DateTimeOffset TimeOf(int minute) => Started + TimeSpan.FromMinutes(minute);

    private int FirstMinute(int now, TimeSpan window) => now - (int)Math.Min(_windowMinutes, Math.Ceiling(window.TotalMinutes));

    private int Minute() => (int)(_time.GetElapsedTime(_start).Ticks / TimeSpan.TicksPerMinute);

    private CallEntry FindOrAdd(in CallKey call, MeshPeer peer)
    {
        // Once begun, the folded entries take what is new without a lock, however many paths there are.
        var folded = call.Folded;
        if (folded is { } template && _entries.TryGetValue(template, out var entry))
        {
            return entry;
        }

        if (_shares.GetValueOrDefault(call.Share) >= _maxPerCaller && _entries.TryGetValue(call.Rest, out entry))
        {
            return entry;
        }

        lock (_lock)
        {
            return FindOrAddLocked(call, folded, peer);
        }
    }

    private CallEntry FindOrAddLocked(in CallKey call, CallKey? folded, MeshPeer peer)
    {
        if (_entries.TryGetValue(call, out var entry))
        {
            return entry;
        }

        if (_count >= _max || _shares.GetValueOrDefault(call.Share) >= _maxPerCaller)
        {
            // Beyond the bound there is room for what is left of each caller, but not for endlessly many.
            return _entries.TryGetValue(call.Rest, out entry) ? entry
                : _count < _max + _maxPerCaller ? AddLocked(call.Rest, peer)
                : _overflow;
        }

        if (folded is not { } template)
        {
            return AddLocked(call, peer);
        }

        var paths = _paths.GetValueOrDefault((call.Share, call.Endpoint!));
        if (paths >= MaxPathsPerEndpoint)
        {
            return _entries.TryGetValue(template, out entry) ? entry : AddLocked(template, peer);
        }

        _paths[(call.Share, call.Endpoint!)] = paths + 1;
        return AddLocked(call, peer);
    }

    private CallEntry AddLocked(in CallKey key, MeshPeer peer)
    {
        var entry = new CallEntry(_windowMinutes, _time.GetUtcNow(), peer);
        _entries[key] = entry;
        _count++;
        _shares[key.Share] = _shares.GetValueOrDefault(key.Share) + 1;
        return entry;
    }

    // Once a minute, by whoever calls first in it: entries without a call in the window go.
    private void Sweep(int minute)
    {
        lock (_lock)
        {
            if (minute == _sweptMinute)
            {
                return;
            }

            _count = 0;
            _shares.Clear();
            _paths.Clear();
            foreach (var (key, entry) in _entries)
            {
                if (entry.LastMinute < minute - _windowMinutes)
                {
                    _entries.TryRemove(key, out _);
                    continue;
                }

                _count++;
                _shares[key.Share] = _shares.GetValueOrDefault(key.Share) + 1;
                if (key is { Endpoint: { } endpoint, Path: not null })
                {
                    _paths[(key.Share, endpoint)] = _paths.GetValueOrDefault((key.Share, endpoint)) + 1;
                }
            }

            Volatile.Write(ref _sweptMinute, minute);
        }
    }
}
