using System.Globalization;
using System.Net;

namespace ProxylessMesh.LoadTest.Scenarios;

/// <summary>
/// Callers that never rest: GETs of a service whose instances are killed and misbehave, and POSTs to one whose instances are restarted
/// gracefully. Every answer that is neither right nor asked for by a fault is counted and its reason kept.
/// </summary>
internal sealed class SoakCallers(HttpClient http)
{
    private const int Callers = 16;

    private readonly Dictionary<string, int> _losses = [];
    private volatile bool _stopped;
    private Task _running = Task.CompletedTask;
    private long _calls;
    private long _injected;
    private long _lost;

    public long Calls => Interlocked.Read(ref _calls);

    /// <summary>Calls that an injected fault ended.</summary>
    public long Injected => Interlocked.Read(ref _injected);

    /// <summary>Calls that nothing should have ended.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    /// <summary>Why calls were lost, and how many for each reason.</summary>
    public string Losses
    {
        get
        {
            lock (_losses)
            {
                return string.Join("; ", _losses.Select(static loss => $"{loss.Value} × {loss.Key}"));
            }
        }
    }

    public void Start() => _running = Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(() => CallAsync(caller))));

    public async Task StopAsync()
    {
        _stopped = true;
        await _running;
    }

    private async Task CallAsync(int caller)
    {
        while (!_stopped)
        {
            using var request = caller % 2 == 0
                ? new HttpRequestMessage(HttpMethod.Get, "http://server/items")
                : new HttpRequestMessage(HttpMethod.Post, "http://orders/order") { Content = new StringContent("order") };
            request.Headers.Add("x-user", caller.ToString(CultureInfo.InvariantCulture));
            try
            {
                using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, CancellationToken.None);
                var body = await response.Content.ReadAsByteArrayAsync(CancellationToken.None);
                if ((int)response.StatusCode == SoakRoutes.InjectedStatus)
                {
                    Interlocked.Increment(ref _injected);
                }
                else if (response.StatusCode != HttpStatusCode.OK || body.Length != 1024)
                {
                    Lose($"{request.Method} {(int)response.StatusCode} with {body.Length} bytes");
                }
            }
            catch (HttpRequestException failure)
            {
                Lose($"{request.Method} {failure.Message}");
            }

            Interlocked.Increment(ref _calls);
        }
    }

    private void Lose(string why)
    {
        Interlocked.Increment(ref _lost);
        lock (_losses)
        {
            _losses[why] = _losses.GetValueOrDefault(why) + 1;
        }
    }
}
