using System.Net;
using System.Text;
using System.Text.Json;

namespace ProxylessMesh.ControlPlane.Keys;

/// <summary>
/// Fetches key sets over HTTP. What comes is bounded in size and time and is a key set, or it is an error. Redirects are followed a few
/// times, never from https to http.
/// </summary>
internal sealed class KeySetFetcher : IDisposable
{
    /// <summary>The largest answer that is read.</summary>
    internal const int MaxBytes = 256 * 1024;

    private static readonly TimeSpan LongestTimeout = TimeSpan.FromSeconds(30);

    private readonly HttpClient _http;
    private readonly TimeProvider _time;

    public KeySetFetcher(TimeProvider time)
        : this(
            new SocketsHttpHandler { AllowAutoRedirect = true, MaxAutomaticRedirections = 3, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5), ConnectTimeout = LongestTimeout },
            time)
    {
    }

    internal KeySetFetcher(HttpMessageHandler handler, TimeProvider time)
    {
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        _time = time;
    }

    /// <summary>The key set at an address.</summary>
    /// <exception cref="KeySetException">It cannot be had; the message says why.</exception>
    public async Task<string> FetchAsync(KeySetAddress address, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(timeout < LongestTimeout ? timeout : LongestTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            var uri = address.DiscoveredIssuer is { } issuer ? Discovered(await GetAsync(address.Uri, either.Token), issuer) : address.Uri;
            return KeySet(await GetAsync(uri, either.Token));
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new KeySetException($"it took longer than {timeout.TotalSeconds:0.###} s");
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            throw new KeySetException(exception.Message, exception);
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<string> GetAsync(Uri uri, CancellationToken cancellationToken)
    {
        using var answer = await _http.GetAsync(uri, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (answer.StatusCode != HttpStatusCode.OK)
        {
            throw new KeySetException($"the answer is {(int)answer.StatusCode}");
        }

        // One byte more than is allowed tells that there is more.
        var content = new byte[MaxBytes + 1];
        await using var stream = await answer.Content.ReadAsStreamAsync(cancellationToken);
        var length = await stream.ReadAtLeastAsync(content, content.Length, throwOnEndOfStream: false, cancellationToken);
        return length > MaxBytes ? throw new KeySetException($"the answer is longer than {MaxBytes / 1024} KiB") : Encoding.UTF8.GetString(content, 0, length);
    }

    // §4.3: the issuer in the configuration must be the one that was asked for, or another's keys would be taken for its own.
    private static Uri Discovered(string text, string issuer)
    {
        using var document = Parse(text);
        var root = document.RootElement;
        if (!IsText(root, "issuer", out var named) || named != issuer)
        {
            throw new KeySetException("the configuration is of another issuer");
        }

        return IsText(root, "jwks_uri", out var address) && Uri.TryCreate(address, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttps || uri.Scheme == Uri.UriSchemeHttp)
            ? uri
            : throw new KeySetException("the configuration has no jwks_uri");
    }

    private static string KeySet(string text)
    {
        using var document = Parse(text);
        return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("keys", out var keys) && keys.ValueKind == JsonValueKind.Array && keys.GetArrayLength() > 0
            ? text
            : throw new KeySetException("the answer is no key set with keys in it");
    }

    private static JsonDocument Parse(string text)
    {
        try
        {
            return JsonDocument.Parse(text);
        }
        catch (JsonException)
        {
            throw new KeySetException("the answer is not JSON");
        }
    }

    private static bool IsText(JsonElement root, string name, out string? text)
    {
        text = root.ValueKind == JsonValueKind.Object && root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        return text is not null;
    }
}
