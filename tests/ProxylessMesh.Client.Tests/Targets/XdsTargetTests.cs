using Grpc.Net.ClientFactory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using ProxylessMesh.Client.Targets;

namespace ProxylessMesh.Client.Tests.Targets;

public sealed class XdsTargetTests
{
    [Theory]
    [InlineData("xds:///pricing", "http://pricing/")]
    [InlineData("xds:///pricing.shop.svc.cluster.local:8080", "http://pricing.shop.svc.cluster.local:8080/")]
    [InlineData("xds:pricing:8080", "http://pricing:8080/")]
    [InlineData("xds:///%5B::1%5D:8080", "http://[::1]:8080/")]
    [InlineData("https://pricing", "https://pricing/")]
    public void Target_means_the_address_of_its_name(string target, string address)
        => Assert.Equal(address, XdsTarget.ToAddress(new Uri(target)).AbsoluteUri);

    [Theory]
    [InlineData("xds://authority/pricing", "names the xDS authority 'authority'")]
    [InlineData("xds:///", "names no service")]
    [InlineData("xds:///a/b", "names no service")]
    [InlineData("xds:///user@pricing", "names no service")]
    [InlineData("xds:///pricing:99999", "names no service")]
    public void What_is_no_target_is_refused_with_what_to_write(string target, string reason)
        => Assert.Contains(reason, Assert.Throws<ArgumentException>(() => XdsTarget.ToAddress(new Uri(target))).Message, StringComparison.Ordinal);

    [Fact]
    public void Clients_of_the_factory_may_have_a_target_for_their_address()
    {
        var services = new ServiceCollection();
        services.AddMeshClient();
        services.Configure<GrpcClientFactoryOptions>("pricing", static options => options.Address = new Uri("xds:///pricing"));
        using var provider = services.BuildServiceProvider();

        Assert.Equal(new Uri("http://pricing"), provider.GetRequiredService<IOptionsMonitor<GrpcClientFactoryOptions>>().Get("pricing").Address);
    }
}
