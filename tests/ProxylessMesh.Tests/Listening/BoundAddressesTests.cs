using System.Net;
using ProxylessMesh.Listening;

namespace ProxylessMesh.Tests.Listening;

public sealed class BoundAddressesTests
{
    [Theory]
    [InlineData("http://127.0.0.1:5000", "127.0.0.1:5000")]
    [InlineData("http://localhost:5000", "127.0.0.1:5000")]
    [InlineData("http://[::]:5000", "10.9.8.7:5000")]
    [InlineData("http://0.0.0.0:5000", "10.9.8.7:5000")]
    [InlineData("http://*:5000", "10.9.8.7:5000")]
    [InlineData("https://+:5000", "10.9.8.7:5000")]
    [InlineData("http://[fd00::5]:5000", "[fd00::5]:5000")]
    [InlineData("http://192.168.1.4:5000", "192.168.1.4:5000")]
    public void Peers_are_told_an_address_that_they_can_reach(string bound, string advertised)
        => Assert.Equal([advertised], Read([bound]).Select(static one => one.Advertised.ToString()));

    [Theory]
    [InlineData("203.0.113.9", "203.0.113.9:5000")]
    [InlineData("203.0.113.9:443", "203.0.113.9:443")]
    public void Setting_wins_and_the_bound_port_stays_known(string setting, string advertised)
    {
        var one = Assert.Single(Read(["http://0.0.0.0:5000"], new MeshOptions.InboundOptions { AdvertisedAddress = setting }));

        Assert.Equal(advertised, one.Advertised.ToString());
        Assert.Equal(5000, one.BoundPort);
    }

    [Fact]
    public void Plaintext_ports_and_sockets_are_not_the_meshs()
        => Assert.Empty(Read(["http://127.0.0.1:9000", "http://unix:/tmp/app.sock"], new MeshOptions.InboundOptions { PlaintextPorts = { 9000 } }));

    [Fact]
    public void Both_families_of_localhost_are_one_port()
        => Assert.Single(Read(["http://127.0.0.1:5000", "http://[::1]:5000"]));

    [Fact]
    public void Control_plane_is_told_the_ports_of_the_address_that_others_can_call()
    {
        var endpoints = BoundAddresses.ToEndpoints(Read(["http://127.0.0.1:5001", "http://0.0.0.0:5000", "http://0.0.0.0:5002"]), new Dictionary<int, string>());

        Assert.Equal(["10.9.8.7"], endpoints.Addresses);
        Assert.Equal([5000, 5002], endpoints.Ports.Select(static port => port.Number));
        Assert.Equal(["http", "http-5002"], endpoints.Ports.Select(static port => port.Name));
    }

    private static System.Collections.Immutable.ImmutableArray<BoundAddress> Read(string[] addresses, MeshOptions.InboundOptions? options = null)
        => BoundAddresses.Read(addresses, options ?? new MeshOptions.InboundOptions(), static () => IPAddress.Parse("10.9.8.7"));

    [Fact]
    public void A_port_has_the_name_that_it_was_given()
    {
        var endpoints = BoundAddresses.ToEndpoints(Read(["http://127.0.0.1:8080", "http://127.0.0.1:7070"]), new Dictionary<int, string> { [7070] = "grpc" });

        Assert.Equal([("http", 8080), ("grpc", 7070)], endpoints.Ports.Select(static port => (port.Name, port.Number)));
    }
}
