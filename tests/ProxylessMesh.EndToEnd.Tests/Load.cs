namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>Callers in a loop until <see cref="StopAsync"/>; every call that is not a 2xx answer is kept with its reason.</summary>
internal sealed class Load
{
    private readonly Task[] _callers;
    private readonly List<string> _lost = [];
    private readonly Lock _gate = new();
    private volatile bool _stopped;
    private long _calls;

    private Load(HttpClient client, int callers, Func<HttpRequestMessage> request)
        => _callers = [.. Enumerable.Range(0, callers).Select(_ => Task.Run(() => CallAsync(client, request)))];

    public long Calls => Interlocked.Read(ref _calls);

    public static Load Start(HttpClient client, int callers, Func<HttpRequestMessage> request) => new(client, callers, request);

    /// <summary>Waits until this many more calls have ended.</summary>
    public async Task MoreCallsAsync(long count, CancellationToken cancellationToken)
    {
        var wanted = Calls + count;
        while (Calls < wanted)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, cancellationToken);
        }
    }

    /// <summary>Lets the running calls end and returns the lost ones.</summary>
    public async Task<IReadOnlyList<string>> StopAsync()
    {
        _stopped = true;
        await Task.WhenAll(_callers);
        return _lost;
    }

    private async Task CallAsync(HttpClient client, Func<HttpRequestMessage> next)
    {
        while (!_stopped)
        {
            try
            {
                using var request = next();
                using var response = await client.SendAsync(request);
                if (!response.IsSuccessStatusCode)
                {
                    Lose($"{(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
                }
            }
            catch (HttpRequestException lost)
            {
                Lose(lost.ToString());
            }

            Interlocked.Increment(ref _calls);
        }
    }

    private void Lose(string reason)
    {
        lock (_gate)
        {
            _lost.Add(reason);
        }
    }
}
