namespace ProxylessMesh.Tests.Listening;

public sealed class RotationTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task New_connection_gets_the_new_identity_and_an_open_one_lives_on()
    {
        await using var app = await MeshApp.StartAsync(Policies.Strict());
        using var before = app.Client();
        Assert.Equal("from the application", await before.GetStringAsync("/", TestEnd));

        app.Identity.Set(app.Ca.Issue("shop", "catalog-rotated"));
        using var after = app.Client();
        var expected = await PresentedAsync(app);

        Assert.Equal("from the application", await before.GetStringAsync("/", TestEnd));
        Assert.Equal("from the application", await after.GetStringAsync("/", TestEnd));
        Assert.Equal("spiffe://mesh.local/ns/shop/sa/catalog-rotated", expected);
    }

    private static async Task<string> PresentedAsync(MeshApp app)
    {
        string? presented = null;
        using var client = app.Client(app.Ca.Issue("shop", "storefront"), version: null, server => presented = server.ToString());
        await client.GetStringAsync("/", TestEnd);
        return presented!;
    }
}
