using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Bootstrap;

namespace ProxylessMesh.Xds.Tests.Bootstrap;

/// <summary>Where a token of Google's default credentials comes from, and what is said when there is none.</summary>
public sealed class GoogleCredentialsTests : IDisposable
{
    private const string Audience = "https://td.googleapis.com/envoy.service.discovery.v3.AggregatedDiscoveryService";

    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler());
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch.AddDays(20_000));
    private readonly string _file = Path.GetTempFileName();

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Machine_asks_its_metadata_server()
    {
        await using var metadata = await TestBackend.StartAsync(static http
            => http.Response.WriteAsync(http.Request.Path == "/computeMetadata/v1/instance/service-accounts/default/token" && http.Request.Headers["Metadata-Flavor"] == "Google" ? """{"access_token":"abc"}""" : "{}"));

        var token = await new GoogleCredentials(null, Uri(metadata.Address), _http, _time).TokenAsync(Audience, TestEnd);

        Assert.Equal("abc", token);
    }

    [Fact]
    public async Task User_refreshes_a_token()
    {
        await using var tokens = await TestBackend.StartAsync(static async http =>
        {
            var form = await http.Request.ReadFormAsync();
            await http.Response.WriteAsync($$"""{"access_token":"{{form["grant_type"]}} {{form["client_id"]}} {{form["client_secret"]}} {{form["refresh_token"]}}"}""");
        });
        await File.WriteAllTextAsync(_file, $$"""{"type":"authorized_user","client_id":"i","client_secret":"s","refresh_token":"r","token_uri":"{{Uri(tokens.Address)}}"}""", TestEnd);

        Assert.Equal("refresh_token i s r", await FromFile().TokenAsync(Audience, TestEnd));
    }

    [Fact]
    public async Task Service_account_signs_for_the_service_that_is_called()
    {
        using var rsa = RSA.Create(2048);
        await File.WriteAllTextAsync(_file, JsonSerializer.Serialize(new { type = "service_account", client_email = "me@p", private_key_id = "k", private_key = rsa.ExportPkcs8PrivateKeyPem() }), TestEnd);

        var parts = (await FromFile().TokenAsync(Audience, TestEnd)).Split('.');

        Assert.True(rsa.VerifyData(Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), Base64Url.DecodeFromChars(parts[2]), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        using var claims = JsonDocument.Parse(Base64Url.DecodeFromChars(parts[1]));
        Assert.Equal(("me@p", Audience), (claims.RootElement.GetProperty("iss").GetString(), claims.RootElement.GetProperty("aud").GetString()));
        Assert.Equal(_time.GetUtcNow().AddHours(1).ToUnixTimeSeconds(), claims.RootElement.GetProperty("exp").GetInt64());
    }

    [Theory]
    [InlineData("", "cannot be used")]
    [InlineData("""{"type":"external_account"}""", "'external_account'")]
    [InlineData("""{"type":"service_account","private_key":"none"}""", "cannot be used")]
    public async Task File_that_is_of_no_use_is_named(string content, string expected)
    {
        await File.WriteAllTextAsync(_file, content, TestEnd);

        var error = await Assert.ThrowsAsync<HttpRequestException>(() => FromFile().TokenAsync(Audience, TestEnd));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains(_file, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Call_carries_the_token_of_its_service()
    {
        await using var metadata = await TestBackend.StartAsync(static http => http.Response.WriteAsync("""{"access_token":"abc"}"""));
        await using var server = await TestBackend.StartAsync(static http => http.Response.WriteAsync(http.Request.Headers.Authorization.ToString()));
        using var client = new HttpMessageInvoker(new GoogleDefaultHandler(new GoogleCredentials(null, Uri(metadata.Address), _http, _time), new SocketsHttpHandler()));

        using var response = await client.SendAsync(new HttpRequestMessage(HttpMethod.Get, new Uri(Uri(server.Address), "/a.Service/Method")), TestEnd);

        Assert.Equal("Bearer abc", await response.Content.ReadAsStringAsync(TestEnd));
    }

    public void Dispose()
    {
        _http.Dispose();
        File.Delete(_file);
    }

    private GoogleCredentials FromFile() => new(_file, new Uri("http://127.0.0.1:1"), _http, _time);

    private static Uri Uri(IPEndPoint address) => new($"http://{address}");
}
