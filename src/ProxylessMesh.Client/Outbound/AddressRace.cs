using System.Collections.Immutable;
using System.Net;

namespace ProxylessMesh.Client.Outbound;

/// <summary>
/// Connects to an endpoint that has several addresses (gRFC A61, RFC 8305 §5): the next is tried when the one before failed or has not
/// connected within 250 ms; the first that connects wins and the others are given up.
/// </summary>
internal static class AddressRace
{
    internal static readonly TimeSpan AttemptDelay = TimeSpan.FromMilliseconds(250);

    /// <summary>The families in turn, beginning with that of the first address (RFC 8305 §4).</summary>
    public static ImmutableArray<IPEndPoint> InTurn(IPEndPoint first, ImmutableArray<IPEndPoint> others)
    {
        if (others.IsDefaultOrEmpty)
        {
            return [first];
        }

        ImmutableArray<IPEndPoint> all = [first, .. others];
        var same = new Queue<IPEndPoint>(all.Where(address => address.AddressFamily == first.AddressFamily));
        var other = new Queue<IPEndPoint>(all.Where(address => address.AddressFamily != first.AddressFamily));
        var turns = ImmutableArray.CreateBuilder<IPEndPoint>(all.Length);
        while (same.Count + other.Count > 0)
        {
            if (same.TryDequeue(out var next))
            {
                turns.Add(next);
            }

            if (other.TryDequeue(out next))
            {
                turns.Add(next);
            }
        }

        return turns.MoveToImmutable();
    }

    /// <typeparam name="T">What a connection is.</typeparam>
    /// <param name="addresses">In the order in which they are tried, at least one.</param>
    /// <param name="connect">Makes one connection. Disposes what it has when it throws.</param>
    /// <param name="time">Measures the delay.</param>
    /// <param name="cancellationToken">Gives everything up.</param>
    /// <returns>The connection that was first.</returns>
    /// <exception cref="Exception">That of the first address, when none connects.</exception>
    public static async Task<T> ConnectAsync<T>(ImmutableArray<IPEndPoint> addresses, Func<IPEndPoint, CancellationToken, Task<T>> connect, TimeProvider time, CancellationToken cancellationToken)
        where T : class, IDisposable
    {
        if (addresses.Length == 1)
        {
            return await connect(addresses[0], cancellationToken).ConfigureAwait(false);
        }

        using var race = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var running = new List<Task<T>>(addresses.Length);
        Exception? firstError = null;
        var next = 0;
        try
        {
            while (next < addresses.Length || running.Count > 0)
            {
                if (next < addresses.Length)
                {
                    running.Add(connect(addresses[next++], race.Token));
                }

                if (await FirstEndAsync(running, next < addresses.Length, time, race.Token).ConfigureAwait(false) is not { } ended)
                {
                    continue;
                }

                running.Remove(ended);
                if (ended.IsCompletedSuccessfully)
                {
                    return await ended.ConfigureAwait(false);
                }

                firstError ??= ended.Exception?.InnerException ?? new OperationCanceledException(cancellationToken);
            }

            throw firstError!;
        }
        finally
        {
            await race.CancelAsync().ConfigureAwait(false);
            foreach (var loser in running)
            {
                _ = DisposeAsync(loser);
            }
        }
    }

    // Null: the delay passed first, or everything was given up.
    private static async Task<Task<T>?> FirstEndAsync<T>(List<Task<T>> running, bool hasMore, TimeProvider time, CancellationToken cancellationToken)
    {
        if (!hasMore)
        {
            return await Task.WhenAny(running).ConfigureAwait(false);
        }

        using var wait = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var delay = Task.Delay(AttemptDelay, time, wait.Token);
        var first = await Task.WhenAny([.. running, delay]).ConfigureAwait(false);
        await wait.CancelAsync().ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        return first == delay ? null : (Task<T>)first;
    }

    private static async Task DisposeAsync<T>(Task<T> loser)
        where T : class, IDisposable
    {
        await ((Task)loser).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (loser.IsCompletedSuccessfully)
        {
            (await loser.ConfigureAwait(false)).Dispose();
        }
        else
        {
            _ = loser.Exception;
        }
    }
}
