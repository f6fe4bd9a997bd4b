namespace ProxylessMesh.Manifests.Tests;

public sealed class HostNamesTests
{
    [Theory]
    [InlineData("catalog")]
    [InlineData("Catalog")]
    [InlineData("catalog.shop")]
    [InlineData("catalog.shop.svc")]
    [InlineData("catalog.shop.svc.cluster.local")]
    [InlineData("catalog.shop.svc.cluster.local.")]
    public void Every_way_to_write_a_service_is_the_same_host(string written)
        => Assert.Equal("catalog.shop.svc.cluster.local", HostNames.Resolve(written, "shop"));

    [Theory]
    [InlineData("*")]
    [InlineData("*.shop.svc.cluster.local")]
    [InlineData("api.example.com")]
    [InlineData("10.0.0.1")]
    [InlineData("::1")]
    public void What_names_no_service_stays_as_it_is(string written)
        => Assert.Equal(written, HostNames.Resolve(written, "shop"));

    [Fact]
    public void A_full_name_comes_apart_again()
    {
        Assert.True(HostNames.TryParse(HostNames.Full("catalog", "shop"), out var service, out var ns));
        Assert.Equal(("catalog", "shop"), (service, ns));
    }

    [Theory]
    [InlineData("")]
    [InlineData("catalog.shop")]
    [InlineData(".svc.cluster.local")]
    [InlineData("a.b.c.svc.cluster.local")]
    [InlineData(".shop.svc.cluster.local")]
    public void Other_names_do_not_come_apart(string name) => Assert.False(HostNames.TryParse(name, out _, out _));
}
