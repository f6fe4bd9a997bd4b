using System.Net;
using Microsoft.AspNetCore.Http;

namespace ProxylessMesh.Tests.Listening;

public sealed class InboundModeTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("2.0")]
    [InlineData("1.1")]
    public async Task Strict_port_takes_mesh_TLS(string version)
    {
        await using var app = await MeshApp.StartAsync(Policies.Strict(), static http => http.Response.WriteAsync($"{http.Request.Scheme} {http.Request.Protocol}"));
        using var client = app.Client(version: Version.Parse(version));

        var answer = await client.GetStringAsync("/", TestEnd);

        Assert.Equal(version == "2.0" ? "https HTTP/2" : "https HTTP/1.1", answer);
    }

    [Theory]
    [InlineData("2.0")]
    [InlineData("1.1")]
    public async Task Strict_port_refuses_plaintext_and_says_from_whom(string version)
    {
        var reached = false;
        await using var app = await MeshApp.StartAsync(Policies.Strict(), http =>
        {
            reached = true;
            return Task.CompletedTask;
        });
        using var client = app.PlaintextClient(Version.Parse(version));

        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync("/", TestEnd));

        var line = await app.Logs.WaitForAsync("Refused plaintext", TestEnd);
        Assert.Contains("127.0.0.1", line.Message, StringComparison.Ordinal);
        Assert.False(reached);
    }

    [Theory]
    [InlineData(true, "2.0", "https HTTP/2 spiffe://mesh.local/ns/shop/sa/storefront")]
    [InlineData(true, "1.1", "https HTTP/1.1 spiffe://mesh.local/ns/shop/sa/storefront")]
    [InlineData(false, "2.0", "http HTTP/2 nobody")]
    [InlineData(false, "1.1", "http HTTP/1.1 nobody")]
    public async Task Permissive_port_takes_both_on_one_port(bool tls, string version, string expected)
    {
        await using var app = await MeshApp.StartAsync(Policies.Permissive(), Whoami);
        using var client = tls ? app.Client(version: Version.Parse(version)) : app.PlaintextClient(Version.Parse(version));

        Assert.Equal(expected, await client.GetStringAsync("/", TestEnd));
    }

    [Theory]
    [InlineData("2.0")]
    [InlineData("1.1")]
    public async Task Disabled_port_takes_plaintext(string version)
    {
        await using var app = await MeshApp.StartAsync(Policies.Disabled(), Whoami);
        using var client = app.PlaintextClient(Version.Parse(version));

        Assert.EndsWith("nobody", await client.GetStringAsync("/", TestEnd), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Change_to_strict_reaches_a_plaintext_connection_that_is_open()
    {
        await using var app = await MeshApp.StartAsync(Policies.Permissive(), Whoami);
        using var client = app.PlaintextClient(HttpVersion.Version20);
        Assert.EndsWith("nobody", await client.GetStringAsync("/", TestEnd), StringComparison.Ordinal);

        app.Apply(Policies.Strict());

        using var answer = await client.GetAsync("/", TestEnd);
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
    }

    [Fact]
    public async Task Without_a_policy_every_mesh_call_is_told_to_come_back_and_plaintext_is_refused()
    {
        await using var app = await MeshApp.StartAsync(policy: null);
        using var mesh = app.Client();
        using var plaintext = app.PlaintextClient();

        using var answer = await mesh.GetAsync("/", TestEnd);
        await Assert.ThrowsAsync<HttpRequestException>(() => plaintext.GetAsync("/", TestEnd));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(1), answer.Headers.RetryAfter?.Delta);
        Assert.DoesNotContain("application", await answer.Content.ReadAsStringAsync(TestEnd), StringComparison.Ordinal);

        app.Apply(Policies.Strict());
        Assert.Equal("from the application", await mesh.GetStringAsync("/", TestEnd));
    }

    private static Task Whoami(HttpContext http)
        => http.Response.WriteAsync($"{http.Request.Scheme} {http.Request.Protocol} {http.Features.Get<IMeshPeerFeature>()?.Id?.ToString() ?? "nobody"}");
}
