using System.Text;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Client.Tests.Outbound;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Routing;

public sealed class SessionTests
{
    private static readonly SessionConfig Cookie = new(new SessionCookieConfig("mesh-session", "/", TimeSpan.FromSeconds(120)), null);
    private static readonly SessionConfig Header = new(null, "x-session");

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task First_answer_says_where_the_session_lives_and_the_rest_go_there()
    {
        await using var one = await TestBackend.StartAsync(static http => http.Response.WriteAsync("one"));
        await using var two = await TestBackend.StartAsync(static http => http.Response.WriteAsync("two"));
        await using var mesh = TestMesh.With(With(Cookie, Configs.Host("catalog", one.Address, two.Address)));
        using var client = mesh.Client();

        using var first = await client.GetAsync(new Uri("http://catalog/"), TestEnd);
        var home = await first.Content.ReadAsStringAsync(TestEnd);
        var cookie = Assert.Single(first.Headers.GetValues("Set-Cookie"));
        var value = cookie["mesh-session=".Length..cookie.IndexOf(';', StringComparison.Ordinal)];

        Assert.EndsWith("; Max-Age=120; Path=/; HttpOnly", cookie, StringComparison.Ordinal);
        Assert.Equal($"{(home == "one" ? one : two).Address};cluster:catalog", Encoding.UTF8.GetString(Convert.FromBase64String(value)));
        for (var i = 0; i < 10; i++)
        {
            using var next = await SendAsync(client, "Cookie", "mesh-session=" + value);
            Assert.Equal(home, await next.Content.ReadAsStringAsync(TestEnd));
            Assert.False(next.Headers.Contains("Set-Cookie"));
        }
    }

    [Fact]
    public async Task Header_does_what_the_cookie_does()
    {
        await using var one = await TestBackend.StartAsync(static http => http.Response.WriteAsync("one"));
        await using var two = await TestBackend.StartAsync(static http => http.Response.WriteAsync("two"));
        await using var mesh = TestMesh.With(With(Header, Configs.Host("catalog", one.Address, two.Address)));
        using var client = mesh.Client();

        using var first = await client.GetAsync(new Uri("http://catalog/"), TestEnd);
        var home = await first.Content.ReadAsStringAsync(TestEnd);
        var value = Assert.Single(first.Headers.GetValues("x-session"));

        for (var i = 0; i < 10; i++)
        {
            using var next = await SendAsync(client, "x-session", value);
            Assert.Equal(home, await next.Content.ReadAsStringAsync(TestEnd));
        }
    }

    [Fact]
    public async Task Session_keeps_its_side_of_a_split()
    {
        await using var v1 = await TestBackend.StartAsync(static http => http.Response.WriteAsync("v1"));
        await using var v2 = await TestBackend.StartAsync(static http => http.Response.WriteAsync("v2"));
        var split = new ForwardActionConfig { Clusters = [new WeightedClusterConfig { Cluster = "v1", Weight = 1 }, new WeightedClusterConfig { Cluster = "v2", Weight = 999_999 }] };
        await using var mesh = TestMesh.With(With(Cookie, Configs.Host("catalog", split, Configs.Cluster("v1", v1.Address), Configs.Cluster("v2", v2.Address))));
        using var client = mesh.Client();

        for (var i = 0; i < 10; i++)
        {
            using var response = await SendAsync(client, "Cookie", "mesh-session=" + Encode($"{v1.Address};cluster:v1"));
            Assert.Equal("v1", await response.Content.ReadAsStringAsync(TestEnd));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Session_whose_endpoint_is_gone_moves_unless_it_is_strict(bool isStrict)
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("here"));
        await using var mesh = TestMesh.With(With(Cookie with { Strict = isStrict }, Configs.Host("catalog", backend.Address)));
        using var client = mesh.Client();

        var call = SendAsync(client, "Cookie", "mesh-session=" + Encode("10.1.2.3:8080;cluster:catalog"));

        if (isStrict)
        {
            var error = await Assert.ThrowsAsync<MeshException>(() => call);
            Assert.Equal(MeshError.NoHealthyEndpoint, error.Error);
            Assert.Contains("10.1.2.3:8080", error.Message, StringComparison.Ordinal);
        }
        else
        {
            using var response = await call;
            Assert.Equal("here", await response.Content.ReadAsStringAsync(TestEnd));
            Assert.StartsWith("mesh-session=" + Encode($"{backend.Address};cluster:catalog"), Assert.Single(response.Headers.GetValues("Set-Cookie")), StringComparison.Ordinal);
        }

        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Draining_endpoint_goes_on_with_its_sessions_and_gets_no_new_ones()
    {
        await using var leaving = await TestBackend.StartAsync(static http => http.Response.WriteAsync("leaving"));
        await using var staying = await TestBackend.StartAsync(static http => http.Response.WriteAsync("staying"));
        var sessions = new LoadBalancerConfig { Sessions = SessionHosts.Healthy | SessionHosts.Draining };
        var cluster = Configs.Cluster(new ClusterConfig { Name = "catalog", EdsName = "catalog", LoadBalancer = sessions }) with
        {
            Endpoints = Configs.Endpoints("catalog", new EndpointConfig { Address = leaving.Address, Health = EndpointHealth.Draining }, new EndpointConfig { Address = staying.Address }),
        };
        await using var mesh = TestMesh.With(With(Cookie, Configs.Host("catalog", Configs.Forward("catalog"), cluster)));
        using var client = mesh.Client();

        for (var i = 0; i < 5; i++)
        {
            using var old = await SendAsync(client, "Cookie", "mesh-session=" + Encode($"{leaving.Address};cluster:catalog"));
            using var young = await client.GetAsync(new Uri("http://catalog/"), TestEnd);
            Assert.Equal("leaving", await old.Content.ReadAsStringAsync(TestEnd));
            Assert.Equal("staying", await young.Content.ReadAsStringAsync(TestEnd));
        }
    }

    [Theory]
    [InlineData("not base64!")]
    [InlineData("bm8gYWRkcmVzcw==")]
    [InlineData("")]
    public async Task Cookie_that_says_nothing_is_as_good_as_none(string value)
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("here"));
        await using var mesh = TestMesh.With(With(Cookie with { Strict = true }, Configs.Host("catalog", backend.Address)));
        using var client = mesh.Client();

        using var response = await SendAsync(client, "Cookie", "mesh-session=" + value);

        Assert.Equal("here", await response.Content.ReadAsStringAsync(TestEnd));
        Assert.Single(response.Headers.GetValues("Set-Cookie"));
    }

    [Theory]
    [InlineData("/cart", "/cart", true)]
    [InlineData("/cart", "/cart/items", true)]
    [InlineData("/cart", "/cartoon", false)]
    [InlineData("/cart/", "/cart/items", true)]
    [InlineData("/cart", "/items", false)]
    public async Task Cookie_is_for_its_path(string cookiePath, string path, bool isCovered)
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("here"));
        await using var mesh = TestMesh.With(With(Cookie with { Cookie = Cookie.Cookie! with { Path = cookiePath } }, Configs.Host("catalog", backend.Address)));
        using var client = mesh.Client();

        using var response = await client.GetAsync(new Uri("http://catalog" + path), TestEnd);

        Assert.Equal(isCovered, response.Headers.Contains("Set-Cookie"));
    }

    [Fact]
    public async Task Route_that_disables_the_filter_has_no_sessions()
    {
        await using var backend = await TestBackend.StartAsync(static http => http.Response.WriteAsync("here"));
        var config = With(Cookie, Configs.Host("catalog", backend.Address));
        var host = config.Routes.VirtualHosts[0];
        var overrides = new Dictionary<string, HttpFilterConfig> { ["session"] = new DisabledFilterConfig("session") };
        host = host with { FilterOverrides = System.Collections.Frozen.FrozenDictionary.ToFrozenDictionary(overrides) };
        await using var mesh = TestMesh.With(config with { Routes = config.Routes with { VirtualHosts = [host] } });
        using var client = mesh.Client();

        using var response = await client.GetAsync(new Uri("http://catalog/"), TestEnd);

        Assert.False(response.Headers.Contains("Set-Cookie"));
    }

    private static XdsConfig With(SessionConfig session, XdsConfig config) => config with
    {
        Listener = config.Listener with { Api = config.Listener.Api! with { Filters = [new StatefulSessionFilterConfig("session", session), new RouterFilterConfig("router")] } },
    };

    private static string Encode(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private static async Task<HttpResponseMessage> SendAsync(HttpClient client, string header, string value)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "http://catalog/");
        request.Headers.TryAddWithoutValidation(header, value);
        return await client.SendAsync(request, TestEnd);
    }
}
