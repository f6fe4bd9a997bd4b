namespace ProxylessMesh.Client.Outbound;

/// <summary>Until when the connections of one endpoint may take new calls: none past the end of a certificate that it was made with.</summary>
internal sealed class ConnectionTerm
{
    // A peer's clock may be ahead, and a call that starts now arrives later.
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    private long _endsAt = long.MaxValue;

    /// <summary>Whether every connection may take calls at <paramref name="now"/>.</summary>
    public bool Includes(DateTimeOffset now) => now.UtcTicks < Volatile.Read(ref _endsAt);

    /// <summary>A connection was made with certificates of which the first ends at <paramref name="certificate"/>: it takes no calls in the last tenth of the time until then, 30 seconds at most.</summary>
    public void Add(DateTimeOffset now, DateTimeOffset certificate)
    {
        var left = certificate - now;
        var endsAt = (certificate - (left / 10 < Longest ? left / 10 : Longest)).UtcTicks;
        var before = Volatile.Read(ref _endsAt);
        while (endsAt < before && Interlocked.CompareExchange(ref _endsAt, endsAt, before) is var seen && seen != before)
        {
            before = seen;
        }
    }

    /// <summary>The connections are new ones from here on.</summary>
    public void Restart() => Volatile.Write(ref _endsAt, long.MaxValue);
}
