using System.Collections.Immutable;
using System.Net;

namespace ProxylessMesh.Xds.Client;

/// <summary>What is known of one host name. Touched by the client's loop only.</summary>
internal sealed class NameEntry(string host, TimeSpan refreshRate) : IDisposable
{
    private readonly CancellationTokenSource _end = new();

    public string Host { get; } = host;

    /// <summary>The shortest of those that the clusters ask for.</summary>
    public TimeSpan RefreshRate { get; set; } = refreshRate;

    /// <summary>The last that were found; a failure later on leaves them in use. Default: none found yet.</summary>
    public ImmutableArray<IPAddress> Addresses { get; private set; }

    /// <summary>Why none were found; null while nothing was heard, and once there were any.</summary>
    public string? Problem { get; private set; }

    /// <summary>Changes with the addresses.</summary>
    public int Version { get; private set; }

    public bool IsAnswered => !Addresses.IsDefault || Problem is not null;

    public ITimer? Timer { get; set; }

    public CancellationToken End => _end.Token;

    /// <returns>Whether they are others than before. A resolver that deals its answers in another order each time has nothing new to say.</returns>
    public bool Accept(IPAddress[] addresses)
    {
        Problem = null;
        if (!Addresses.IsDefault && Addresses.Length == addresses.Length && Addresses.ToHashSet().SetEquals(addresses))
        {
            return false;
        }

        Addresses = [.. addresses.Distinct()];
        Version++;
        return true;
    }

    /// <returns>Whether that is news: the first answer is a failure, or another one than before.</returns>
    public bool Fail(string problem)
    {
        if (!Addresses.IsDefault || Problem == problem)
        {
            return false;
        }

        Problem = problem;
        return true;
    }

    public void Dispose()
    {
        Timer?.Dispose();
        _end.Cancel();
        _end.Dispose();
    }
}
