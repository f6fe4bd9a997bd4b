using Microsoft.AspNetCore.Http;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Routing;

public sealed class HeaderOrderTests
{
    [Theory]
    [InlineData(false, "host")]
    [InlineData(true, "side")]
    public async Task Last_word_on_a_header_has_the_host_unless_the_most_specific_is_to_win(bool mostSpecific, string expected)
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync(http.Request.Headers["x-from"].ToString()));
        var forward = Configs.Forward("catalog");
        forward = forward with { Clusters = [forward.Clusters[0] with { Headers = Set("side") }] };
        var config = Configs.Host("catalog", [Configs.Route(forward) with { Headers = Set("route") }], Configs.Cluster("catalog", backend.Address));
        var routes = config.Routes with { MostSpecificHeadersWin = mostSpecific, VirtualHosts = [config.Routes.VirtualHosts[0] with { Headers = Set("host") }] };
        await using var mesh = TestMesh.With(config with { Routes = routes });
        using var client = mesh.Client();

        Assert.Equal(expected, await client.GetStringAsync(new Uri("http://catalog/"), TestContext.Current.CancellationToken));
    }

    private static HeaderOperationsConfig Set(string value) => new() { RequestSet = [new("x-from", value)] };
}
