using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ProxylessMesh.ControlPlane.Admin;
using ProxylessMesh.Spiffe;
using ProxylessMesh.Tool.Commands;

namespace ProxylessMesh.Tool;

/// <summary>The admin API, over TLS to a control plane that has proved itself by the root whose hash the operator's token carries.</summary>
internal sealed class OperatorClient : IDisposable
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(15);

    private readonly HttpClient _http;

    private OperatorClient(HttpClient http) => _http = http;

    public static async Task<OperatorClient> ConnectAsync(Uri server, string tokenFile, CancellationToken cancellationToken)
    {
        if (!File.Exists(tokenFile))
        {
            throw new UsageException($"There is no operator's token at '{tokenFile}'. It is the file 'operator.token' of the control plane's state folder.");
        }

        var token = (await File.ReadAllTextAsync(tokenFile, cancellationToken)).Trim();
        var pin = OperatorToken.Pin(token) ?? throw new UsageException($"'{tokenFile}' holds no operator's token. It is the file 'operator.token' of the control plane's state folder.");
        var roots = await FetchRootsAsync(server, pin, cancellationToken);
        var handler = ControlPlaneTransport.Create(SpiffeTls.ForEnrolment(roots, ControlPlaneIdentity.EnrolmentTlsName(pin.RootHash.Span), ControlPlaneTransport.Protocols));
        var http = new HttpClient(handler)
        {
            BaseAddress = server,
            Timeout = Timeout,
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return new OperatorClient(http);
    }

    public async Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        using var response = await _http.GetAsync(new Uri(path, UriKind.Relative), cancellationToken);
        return await ReadAsync(response, type, cancellationToken);
    }

    /// <summary>Posts JSON. 422 is an answer too: it says what is wrong with what was sent.</summary>
    public async Task<TAnswer> PostAsync<TBody, TAnswer>(string path, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<TAnswer> answerType, CancellationToken cancellationToken)
    {
        using var response = await _http.PostAsJsonAsync(new Uri(path, UriKind.Relative), body, bodyType, cancellationToken);
        return await ReadAsync(response, answerType, cancellationToken);
    }

    /// <summary>Posts nothing, for an answer.</summary>
    public async Task<TAnswer> PostAsync<TAnswer>(string path, JsonTypeInfo<TAnswer> answerType, CancellationToken cancellationToken)
    {
        using var response = await _http.PostAsync(new Uri(path, UriKind.Relative), null, cancellationToken);
        return await ReadAsync(response, answerType, cancellationToken);
    }

    /// <summary>Posts JSON; there is no answer.</summary>
    public async Task PostAsync<TBody>(string path, TBody body, JsonTypeInfo<TBody> bodyType, CancellationToken cancellationToken)
    {
        using var response = await _http.PostAsJsonAsync(new Uri(path, UriKind.Relative), body, bodyType, cancellationToken);
        await ThrowUnlessGoodAsync(response, cancellationToken);
    }

    public async Task DeleteAsync(string path, CancellationToken cancellationToken)
    {
        using var response = await _http.DeleteAsync(new Uri(path, UriKind.Relative), cancellationToken);
        await ThrowUnlessGoodAsync(response, cancellationToken);
    }

    public void Dispose() => _http.Dispose();

    private static async Task<TrustBundleSet> FetchRootsAsync(Uri server, JoinToken pin, CancellationToken cancellationToken)
    {
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(Timeout);
            return await ControlPlaneRoots.FetchAsync(server, pin, limit.Token);
        }
        catch (Exception exception) when (exception is Grpc.Core.RpcException or HttpRequestException || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new UnreachableException($"The control plane at {server} cannot be reached. Is it running? 'mesh up' starts one on this machine.", exception);
        }
    }

    private static async Task<T> ReadAsync<T>(HttpResponseMessage response, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        if (response.StatusCode != HttpStatusCode.UnprocessableEntity)
        {
            await ThrowUnlessGoodAsync(response, cancellationToken);
        }

        return await response.Content.ReadFromJsonAsync(type, cancellationToken) ?? throw new RefusedException("The control plane gave an empty answer.");
    }

    private static async Task ThrowUnlessGoodAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (response.IsSuccessStatusCode)
        {
            return;
        }

        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        throw new RefusedException($"The control plane refused ({(int)response.StatusCode}): {ErrorIn(text) ?? "it gave no reason"}");
    }

    private static string? ErrorIn(string text)
    {
        try
        {
            return JsonSerializer.Deserialize(text, AdminJson.Default.ErrorAnswer)?.Error;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
