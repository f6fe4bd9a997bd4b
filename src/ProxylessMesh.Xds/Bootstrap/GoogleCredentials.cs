using System.Buffers.Text;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ProxylessMesh.Xds.Bootstrap;

/// <summary>
/// Tokens by Google's Application Default Credentials: the file that the environment names or that gcloud left for this user, else
/// the metadata server of the machine. A token is asked for when a stream begins, so nothing is kept.
/// </summary>
/// <param name="file">Null: there is none.</param>
/// <param name="metadataServer"><c>http://host</c>.</param>
/// <param name="http">For the metadata server and for refreshing a user's token.</param>
/// <param name="time">For the lifetime of tokens that are signed here.</param>
internal sealed class GoogleCredentials(string? file, Uri metadataServer, HttpMessageInvoker http, TimeProvider time)
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);

    public static GoogleCredentials FromEnvironment(HttpMessageInvoker http, TimeProvider time)
    {
        var named = Environment.GetEnvironmentVariable("GOOGLE_APPLICATION_CREDENTIALS");
        var own = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ApplicationData), "gcloud", "application_default_credentials.json");
        var metadata = Environment.GetEnvironmentVariable("GCE_METADATA_HOST") is { Length: > 0 } host ? host : "metadata.google.internal";
        return new GoogleCredentials(named is { Length: > 0 } ? named : File.Exists(own) ? own : null, new Uri($"http://{metadata}"), http, time);
    }

    /// <summary>A bearer token for a service, as <c>https://host/package.Service</c>.</summary>
    /// <exception cref="HttpRequestException">There is none, and why.</exception>
    public async Task<string> TokenAsync(string audience, CancellationToken cancellationToken)
    {
        try
        {
            if (file is null)
            {
                return await OfMachineAsync(cancellationToken).ConfigureAwait(false);
            }

            var text = await File.ReadAllTextAsync(file, cancellationToken).ConfigureAwait(false);
            var key = JsonSerializer.Deserialize(text, GoogleJson.Default.GoogleKeyFile) ?? new GoogleKeyFile();
            return key.Type switch
            {
                "service_account" => Signed(key, audience),
                "authorized_user" => await RefreshedAsync(key, cancellationToken).ConfigureAwait(false),
                var type => throw new HttpRequestException($"The credentials in '{file}' are of type '{type}'; service_account and authorized_user are supported."),
            };
        }
        catch (Exception broken) when (broken is IOException or JsonException or CryptographicException or ArgumentException or UnauthorizedAccessException)
        {
            throw new HttpRequestException($"Google's default credentials {(file is null ? $"of {metadataServer}" : $"in '{file}'")} cannot be used: {broken.Message}", broken);
        }
    }

    private async Task<string> OfMachineAsync(CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(metadataServer, "/computeMetadata/v1/instance/service-accounts/default/token"));
        request.Headers.Add("Metadata-Flavor", "Google");
        return await SendAsync(request, cancellationToken).ConfigureAwait(false);
    }

    private async Task<string> RefreshedAsync(GoogleKeyFile key, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(key.TokenUri))
        {
            Content = new FormUrlEncodedContent(
            [
                new("grant_type", "refresh_token"), new("client_id", key.ClientId), new("client_secret", key.ClientSecret), new("refresh_token", key.RefreshToken),
            ]),
        };
        return await SendAsync(request, cancellationToken).ConfigureAwait(false);
    }

    private async Task<string> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var response = await http.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (!response.IsSuccessStatusCode)
        {
            throw new HttpRequestException($"{request.RequestUri} gave no token for Google's default credentials: {(int)response.StatusCode}.");
        }

        var answer = await response.Content.ReadFromJsonAsync(GoogleJson.Default.GoogleToken, cancellationToken).ConfigureAwait(false);
        return answer?.AccessToken is { Length: > 0 } token ? token : throw new HttpRequestException($"{request.RequestUri} answered without access_token.");
    }

    /// <summary>A service account signs for itself (RFC 7523 without the exchange).</summary>
    private string Signed(GoogleKeyFile key, string audience)
    {
        var now = time.GetUtcNow();
        var header = Part(new GoogleTokenHeader { KeyId = key.PrivateKeyId }, GoogleJson.Default.GoogleTokenHeader);
        var claims = Part(
            new GoogleTokenClaims { Issuer = key.ClientEmail, Subject = key.ClientEmail, Audience = audience, IssuedAt = now.ToUnixTimeSeconds(), Expires = (now + Lifetime).ToUnixTimeSeconds() },
            GoogleJson.Default.GoogleTokenClaims);
        using var rsa = RSA.Create();
        rsa.ImportFromPem(key.PrivateKey);
        var signature = rsa.SignData(Encoding.ASCII.GetBytes($"{header}.{claims}"), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        return $"{header}.{claims}.{Base64Url.EncodeToString(signature)}";
    }

    private static string Part<T>(T value, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(value, type));
}

/// <summary>What a file of credentials holds.</summary>
internal sealed record GoogleKeyFile
{
    [JsonPropertyName("type")]
    public string Type { get; init; } = "";

    [JsonPropertyName("client_email")]
    public string ClientEmail { get; init; } = "";

    [JsonPropertyName("private_key")]
    public string PrivateKey { get; init; } = "";

    [JsonPropertyName("private_key_id")]
    public string PrivateKeyId { get; init; } = "";

    [JsonPropertyName("client_id")]
    public string ClientId { get; init; } = "";

    [JsonPropertyName("client_secret")]
    public string ClientSecret { get; init; } = "";

    [JsonPropertyName("refresh_token")]
    public string RefreshToken { get; init; } = "";

    [JsonPropertyName("token_uri")]
    public string TokenUri { get; init; } = "https://oauth2.googleapis.com/token";
}

/// <summary>What a token endpoint answers.</summary>
internal sealed record GoogleToken([property: JsonPropertyName("access_token")] string AccessToken);

/// <summary>The first part of a token that is signed here.</summary>
internal sealed record GoogleTokenHeader
{
    [JsonPropertyName("alg")]
    public string Algorithm { get; init; } = "RS256";

    [JsonPropertyName("typ")]
    public string Type { get; init; } = "JWT";

    [JsonPropertyName("kid")]
    public string KeyId { get; init; } = "";
}

/// <summary>The second part of a token that is signed here.</summary>
internal sealed record GoogleTokenClaims
{
    [JsonPropertyName("iss")]
    public string Issuer { get; init; } = "";

    [JsonPropertyName("sub")]
    public string Subject { get; init; } = "";

    [JsonPropertyName("aud")]
    public string Audience { get; init; } = "";

    [JsonPropertyName("iat")]
    public long IssuedAt { get; init; }

    [JsonPropertyName("exp")]
    public long Expires { get; init; }
}

/// <summary>The JSON of these, without reflection.</summary>
[JsonSerializable(typeof(GoogleKeyFile))]
[JsonSerializable(typeof(GoogleToken))]
[JsonSerializable(typeof(GoogleTokenHeader))]
[JsonSerializable(typeof(GoogleTokenClaims))]
internal sealed partial class GoogleJson : JsonSerializerContext;
