using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Outbound;

public sealed class RedirectFollowerTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(301, "POST", "GET", "")]
    [InlineData(302, "POST", "GET", "")]
    [InlineData(302, "PUT", "PUT", "body")]
    [InlineData(303, "PUT", "GET", "")]
    [InlineData(307, "POST", "POST", "body")]
    [InlineData(308, "POST", "POST", "body")]
    public async Task Redirect_of_a_route_leads_to_another_service_of_the_mesh(int status, string method, string expectedMethod, string expectedBody)
    {
        await using var backend = await TestBackend.StartAsync(Describe);
        var moved = Configs.Host("catalog", [Configs.Route(new RedirectActionConfig { Status = status, Host = "products" })]);
        await using var mesh = TestMesh.With(moved, Configs.Host("products", backend.Address));
        using var client = mesh.Client();
        using var request = new HttpRequestMessage(new HttpMethod(method), "http://catalog/items?x=1") { Content = new StringContent("body"), Headers = { { "Authorization", "secret" } } };

        using var response = await client.SendAsync(request, TestEnd);

        Assert.Equal($"{expectedMethod} products /items?x=1 {expectedBody} []", await response.Content.ReadAsStringAsync(TestEnd));
        Assert.Equal(new Uri("http://products/items?x=1"), response.RequestMessage!.RequestUri);
        RetryTests.AssertIdle(mesh, "products");
    }

    [Fact]
    public async Task Redirect_of_a_server_is_followed_as_without_the_mesh()
    {
        await using var backend = await TestBackend.StartAsync(static http =>
        {
            if (http.Request.Path == "/old")
            {
                http.Response.Redirect("/new");
                return Task.CompletedTask;
            }

            return Describe(http);
        });
        await using var mesh = TestMesh.With(Configs.Host("catalog", backend.Address));
        using var client = mesh.Client();

        Assert.Equal("GET catalog /new  []", await client.GetStringAsync(new Uri("http://catalog/old"), TestEnd));
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Client_that_does_not_follow_gets_the_redirect()
    {
        await using var backend = await TestBackend.StartAsync(static http =>
        {
            http.Response.Redirect("/new");
            return Task.CompletedTask;
        });
        await using var mesh = new TestMesh(configure: static services => services.AddHttpClient("still").ConfigurePrimaryHttpMessageHandler(static () => new SocketsHttpHandler { AllowAutoRedirect = false }));
        mesh.Xds.Publish(Configs.Host("catalog", backend.Address));
        using var client = mesh.Client("still");

        using var response = await client.GetAsync(new Uri("http://catalog/old"), TestEnd);

        Assert.Equal(HttpStatusCode.Found, response.StatusCode);
        Assert.Equal("/new", response.Headers.Location!.OriginalString);
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Circle_ends_with_its_last_redirect()
    {
        var asked = 0;
        await using var backend = await TestBackend.StartAsync(http =>
        {
            asked++;
            http.Response.Redirect("/again");
            return Task.CompletedTask;
        });
        await using var mesh = new TestMesh(configure: static services => services.AddHttpClient("patient").ConfigurePrimaryHttpMessageHandler(static () => new HttpClientHandler { MaxAutomaticRedirections = 3 }));
        mesh.Xds.Publish(Configs.Host("catalog", backend.Address));
        using var client = mesh.Client("patient");

        using var response = await client.GetAsync(new Uri("http://catalog/"), TestEnd);

        Assert.Equal(HttpStatusCode.Found, response.StatusCode);
        Assert.Equal(4, asked);
        RetryTests.AssertIdle(mesh);
    }

    [Fact]
    public async Task Nobody_is_led_from_https_to_http()
    {
        await using var mesh = TestMesh.With(Configs.Host("catalog:443", [Configs.Route(new RedirectActionConfig { Scheme = "http", Host = "products" })]));
        using var client = mesh.Client();

        using var response = await client.GetAsync(new Uri("https://catalog/"), TestEnd);

        Assert.Equal(HttpStatusCode.MovedPermanently, response.StatusCode);
    }

    private static async Task Describe(HttpContext http)
    {
        using var reader = new StreamReader(http.Request.Body);
        var body = await reader.ReadToEndAsync(http.RequestAborted);
        await http.Response.WriteAsync($"{http.Request.Method} {http.Request.Host} {http.Request.Path}{http.Request.QueryString} {body} [{http.Request.Headers.Authorization}]");
    }
}
