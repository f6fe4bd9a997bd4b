using System.Net;
using System.Net.Sockets;

namespace ProxylessMesh.Xds.Client;

/// <summary>
/// The host names of DNS clusters: each is resolved when a watch first needs it and again after its refresh rate, for as long as one does.
/// Touched by the client's loop only; the resolver runs off it.
/// </summary>
/// <param name="resolve">Addresses of a name; may throw.</param>
/// <param name="time">Of the refresh.</param>
/// <param name="loop">Where results are taken in.</param>
/// <param name="onChange">A name has other addresses, or another reason for having none.</param>
internal sealed class NameCache(Func<string, CancellationToken, Task<IPAddress[]>> resolve, TimeProvider time, EventLoop loop, Action<NameEntry> onChange)
{
    // A resolver that hangs counts as one that failed.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Dictionary<string, NameEntry> _entries = new(StringComparer.OrdinalIgnoreCase);

    public NameEntry Need(string host, TimeSpan refreshRate)
    {
        if (!_entries.TryGetValue(host, out var entry))
        {
            entry = new NameEntry(host, refreshRate);
            _entries.Add(host, entry);
            Resolve(entry);
        }

        entry.RefreshRate = refreshRate < entry.RefreshRate ? refreshRate : entry.RefreshRate;
        return entry;
    }

    /// <summary>Forgets the names that nobody needs any more.</summary>
    public void Keep(IReadOnlySet<NameEntry> needed)
    {
        foreach (var entry in _entries.Values.Where(entry => !needed.Contains(entry)).ToArray())
        {
            _entries.Remove(entry.Host);
            entry.Dispose();
        }
    }

    private void Resolve(NameEntry entry)
    {
        var (host, end) = (entry.Host, entry.End);
        using (ExecutionContext.SuppressFlow())
        {
            _ = Task.Run(() => ResolveAsync(entry, host, end), CancellationToken.None);
        }
    }

    private async Task ResolveAsync(NameEntry entry, string host, CancellationToken end)
    {
        IPAddress[]? addresses = null;
        var problem = "";
        try
        {
            addresses = await resolve(host, end).WaitAsync(Patience, time, end).ConfigureAwait(false);
        }
        catch (Exception failed) when (failed is SocketException or TimeoutException or OperationCanceledException or ArgumentException)
        {
            problem = $"The name '{host}' does not resolve: {failed.Message}";
        }

        loop.Post(() => Take(entry, addresses, problem));
    }

    private void Take(NameEntry entry, IPAddress[]? addresses, string problem)
    {
        if (_entries.GetValueOrDefault(entry.Host) != entry)
        {
            return; // nobody needs it any more
        }

        var isNews = addresses is null ? entry.Fail(problem) : entry.Accept(addresses);
        entry.Timer?.Dispose();
        using (ExecutionContext.SuppressFlow())
        {
            entry.Timer = time.CreateTimer(_ => loop.Post(() => Again(entry)), null, entry.RefreshRate, Timeout.InfiniteTimeSpan);
        }

        if (isNews)
        {
            onChange(entry);
        }
    }

    private void Again(NameEntry entry)
    {
        if (_entries.GetValueOrDefault(entry.Host) == entry)
        {
            Resolve(entry);
        }
    }
}
