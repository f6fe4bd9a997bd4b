using System.Net;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;
using static ProxylessMesh.Tests.Policies;

namespace ProxylessMesh.Tests.Admission;

public sealed class CorsPolicyTests
{
    private static readonly CorsConfig Shop = new()
    {
        AllowOrigins = [StringMatcher.Exact("https://shop.example"), StringMatcher.Suffix(".shop.example")],
        AllowMethods = "GET,POST",
        AllowHeaders = "x-cart",
        ExposeHeaders = "x-total",
        MaxAge = "600",
        AllowCredentials = true,
    };

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_preflight_of_an_allowed_origin_is_answered_without_the_application()
    {
        await using var app = await StartAsync(Shop);
        using var client = app.Client();

        using var answer = await client.SendAsync(Preflight("https://www.shop.example"), Cancelled);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("https://www.shop.example", One(answer, "access-control-allow-origin"));
        Assert.Equal("GET,POST", One(answer, "access-control-allow-methods"));
        Assert.Equal("x-cart", One(answer, "access-control-allow-headers"));
        Assert.Equal("600", One(answer, "access-control-max-age"));
        Assert.Equal("true", One(answer, "access-control-allow-credentials"));
        Assert.Equal("Origin", One(answer, "vary"));
        Assert.Null(One(answer, "x-from"));
    }

    [Fact]
    public async Task A_star_stands_for_what_the_preflight_asks_for()
    {
        await using var app = await StartAsync(Shop with { AllowMethods = "*", AllowHeaders = "*" });
        using var client = app.Client();

        using var answer = await client.SendAsync(Preflight("https://shop.example"), Cancelled);

        Assert.Equal("PUT", One(answer, "access-control-allow-methods"));
        Assert.Equal("x-one,x-two", One(answer, "access-control-allow-headers"));
    }

    [Theory]
    [InlineData(true, "application")]
    [InlineData(false, null)]
    public async Task A_preflight_of_another_origin_goes_on_or_is_answered_without_permission(bool forward, string? from)
    {
        await using var app = await StartAsync(Shop with { ForwardNotMatchingPreflights = forward });
        using var client = app.Client();

        using var answer = await client.SendAsync(Preflight("https://evil.example"), Cancelled);

        Assert.Equal(from, One(answer, "x-from"));
        Assert.NotEqual("https://evil.example", One(answer, "access-control-allow-origin"));
        Assert.Null(One(answer, "access-control-allow-methods"));
    }

    [Fact]
    public async Task An_answer_to_an_allowed_origin_says_so_in_place_of_the_application()
    {
        await using var app = await StartAsync(Shop);
        using var client = app.Client();

        using var answer = await client.SendAsync(Get("https://shop.example"), Cancelled);

        Assert.Equal("application", One(answer, "x-from"));
        Assert.Equal("https://shop.example", One(answer, "access-control-allow-origin"));
        Assert.Equal("x-total", One(answer, "access-control-expose-headers"));
        Assert.Equal("true", One(answer, "access-control-allow-credentials"));
    }

    [Theory]
    [InlineData("https://evil.example")]
    [InlineData(null)]
    public async Task An_answer_to_anybody_else_is_left_as_it_is(string? origin)
    {
        await using var app = await StartAsync(Shop);
        using var client = app.Client();

        using var answer = await client.SendAsync(Get(origin), Cancelled);

        Assert.Equal("application", One(answer, "x-from"));
        Assert.Equal("https://of-the-application", One(answer, "access-control-allow-origin"));
        Assert.Null(One(answer, "access-control-allow-credentials"));
    }

    [Fact]
    public async Task A_preflight_is_answered_to_a_caller_that_may_not_call_and_reaches_nothing()
    {
        await using var app = await StartAsync(Shop, Deny(Policy("d", Anything, Anyone)));
        using var client = app.Client();

        using var preflight = await client.SendAsync(Preflight("https://shop.example"), Cancelled);
        using var call = await client.SendAsync(Get("https://shop.example"), Cancelled);

        Assert.Equal(HttpStatusCode.OK, preflight.StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, call.StatusCode);
        Assert.Equal("https://shop.example", One(call, "access-control-allow-origin"));
    }

    private static Task<MeshApp> StartAsync(CorsConfig policy, params RbacFilterConfig[] filters)
        => MeshApp.StartAsync(Strict(filters).WithFilters(new CorsFilterConfig("cors", policy)), static http =>
        {
            http.Response.Headers["x-from"] = "application";
            http.Response.Headers.AccessControlAllowOrigin = "https://of-the-application";
            return Task.CompletedTask;
        });

    private static HttpRequestMessage Preflight(string origin) => new(HttpMethod.Options, "/cart")
    {
        Version = HttpVersion.Version20,
        Headers = { { "Origin", origin }, { "Access-Control-Request-Method", "PUT" }, { "Access-Control-Request-Headers", "x-one,x-two" } },
    };

    private static HttpRequestMessage Get(string? origin)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, "/cart") { Version = HttpVersion.Version20 };
        if (origin is not null)
        {
            request.Headers.Add("Origin", origin);
        }

        return request;
    }

    private static string? One(HttpResponseMessage answer, string name) => answer.Headers.TryGetValues(name, out var values) ? string.Join(',', values) : null;
}
