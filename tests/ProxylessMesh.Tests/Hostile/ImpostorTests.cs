using System.Security.Authentication;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.Tests.Hostile;

/// <summary>Callers whose certificate is wrong in one way: refused in the handshake, logged once, and nothing reaches the application.</summary>
public sealed class ImpostorTests
{
    private static readonly SpiffeId Claimed = SpiffeId.Parse("spiffe://mesh.local/ns/shop/sa/storefront");

    public static TheoryData<string> Kinds => [.. Impostors.Names];

    [Theory]
    [MemberData(nameof(Kinds))]
    public Task Impostor_is_refused_over_TLS_1_3(string kind) => RefusedAsync(kind, SslProtocols.Tls13);

    [Theory]
    [MemberData(nameof(Kinds))]
    public Task Impostor_is_refused_over_TLS_1_2(string kind) => RefusedAsync(kind, SslProtocols.Tls12);

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Real_one_is_served(SslProtocols version)
    {
        await using var target = await Target.StartAsync();

        Assert.Contains("from the application", await target.CallAsync(target.App.Ca.Issue(Claimed), version));
        Assert.Equal(1, target.Reached);
    }

    private static async Task RefusedAsync(string kind, SslProtocols version)
    {
        await using var target = await Target.StartAsync();

        Assert.Equal("", await target.CallAsync(Impostors.Make(kind, target.App.Ca, Claimed), version));

        Assert.Contains("127.0.0.1", (await target.LoggedOnceAsync("No TLS handshake")).Message, StringComparison.Ordinal);
        await target.UntouchedAndWellAsync();
    }
}
