using System.Net;
using System.Net.Http.Headers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using static ProxylessMesh.Tests.Policies;

namespace ProxylessMesh.Tests.Authorization;

public sealed class RbacMiddlewareTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Denied_call_gets_403_never_reaches_the_application_and_is_logged_with_caller_and_policy()
    {
        var reached = 0;
        await using var app = await MeshApp.StartAsync(Strict(Deny(Policy("ns[shop]-policy[no-intruder]-rule[0]", Anything, Principal("intruder")))), http =>
        {
            reached++;
            return Task.CompletedTask;
        });
        using var client = app.Client("intruder");

        using var answer = await client.PostAsync("/orders", new StringContent("{}"), TestEnd);

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.DoesNotContain("no-intruder", await answer.Content.ReadAsStringAsync(TestEnd), StringComparison.Ordinal);
        Assert.Equal(0, reached);
        var line = await app.Logs.WaitForAsync("Denied", TestEnd);
        Assert.Contains("POST /orders", line.Message, StringComparison.Ordinal);
        Assert.Contains("spiffe://mesh.local/ns/shop/sa/intruder", line.Message, StringComparison.Ordinal);
        Assert.Contains("ns[shop]-policy[no-intruder]-rule[0]", line.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Denied_path_cannot_write_lines_of_its_own_into_the_log()
    {
        await using var app = await MeshApp.StartAsync(Strict(Allow(Policy("p", Anything, Principal("storefront")))));
        using var client = app.Client("intruder");

        using var answer = await client.GetAsync("/a%0D%0Ainfo:%20all%20is%20well", TestEnd);

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        var line = await app.Logs.WaitForAsync("Denied", TestEnd);
        Assert.DoesNotContain('\n', line.Message);
    }

    [Fact]
    public async Task Denied_gRPC_call_ends_with_PERMISSION_DENIED_in_the_headers_alone()
    {
        await using var app = await MeshApp.StartAsync(Strict(Allow(Policy("p", Anything, Principal("storefront")))));
        using var client = app.Client("intruder");

        using var answer = await client.SendAsync(GrpcCall(), TestEnd);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("7", answer.Headers.GetValues("grpc-status").Single());
        Assert.Equal("application/grpc", answer.Content.Headers.ContentType?.MediaType);
        Assert.Empty(await answer.Content.ReadAsByteArrayAsync(TestEnd));
        Assert.Empty(answer.TrailingHeaders);
    }

    [Fact]
    public async Task GRPC_call_before_any_policy_is_UNAVAILABLE()
    {
        await using var app = await MeshApp.StartAsync(policy: null);
        using var client = app.Client();

        using var answer = await client.SendAsync(GrpcCall(), TestEnd);

        Assert.Equal("14", answer.Headers.GetValues("grpc-status").Single());
    }

    [Fact]
    public async Task Policy_that_is_pushed_decides_the_next_call_of_an_open_connection()
    {
        await using var app = await MeshApp.StartAsync(Strict());
        using var client = app.Client();
        Assert.Equal("from the application", await client.GetStringAsync("/", TestEnd));

        app.Apply(Strict(Allow()));
        using var denied = await client.GetAsync("/", TestEnd);
        app.Apply(Strict(Allow(Policy("p", Anything, Namespace("shop")))));

        Assert.Equal(HttpStatusCode.Forbidden, denied.StatusCode);
        Assert.Equal("from the application", await client.GetStringAsync("/", TestEnd));
    }

    [Theory]
    [InlineData("/admin/../admin/users")]
    [InlineData("/items/../admin/users")]
    [InlineData("/%61dmin/users")]
    [InlineData("/./admin/users")]
    public async Task Path_is_matched_as_the_application_will_see_it(string sent)
    {
        await using var app = await MeshApp.StartAsync(Strict(Deny(Policy("p", PathPrefix("/admin/"), Anyone))));
        using var client = app.Client();
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri("https://catalog" + sent, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }))
        {
            Version = HttpVersion.Version20,
        };

        using var answer = await client.SendAsync(request, TestEnd);

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
    }

    [Fact]
    public async Task Shadow_rules_do_not_touch_the_call()
    {
        await using var app = await MeshApp.StartAsync(Strict(ShadowDeny(Policy("p", Anything, Anyone))));
        using var client = app.Client();

        Assert.Equal("from the application", await client.GetStringAsync("/", TestEnd));
    }

    [Fact]
    public async Task Endpoint_that_lost_its_mesh_TLS_refuses_every_call_and_says_how_to_mend_it()
    {
        await using var app = await MeshApp.StartAsync(Strict(), configure: static builder => builder.WebHost.ConfigureKestrel(static kestrel => kestrel.ConfigureEndpointDefaults(static _ => { })));
        app.Logs.Expect("has no mesh TLS");
        using var client = app.PlaintextClient();

        using var answer = await client.GetAsync("/", TestEnd);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        await app.Logs.WaitForAsync("listen.UseMesh()", TestEnd);
    }

    [Fact]
    public async Task Endpoint_defaults_of_the_application_may_call_UseMesh()
    {
        await using var app = await MeshApp.StartAsync(Strict(), configure: static builder => builder.WebHost.ConfigureKestrel(static kestrel => kestrel.ConfigureEndpointDefaults(static listen => listen.UseMesh().UseMesh())));
        using var client = app.Client();

        Assert.Equal("from the application", await client.GetStringAsync("/", TestEnd));
    }

    [Fact]
    public async Task Startup_filter_of_the_application_runs_behind_authorization()
    {
        await using var app = await MeshApp.StartAsync(
            Strict(Deny(Policy("p", Path("/admin"), Anyone))),
            configure: static builder => builder.Services.AddSingleton<IStartupFilter>(new Rewriting()));
        using var client = app.Client();

        using var answer = await client.GetAsync("/admin", TestEnd);

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
    }

    private static HttpRequestMessage GrpcCall() => new(HttpMethod.Post, "/pricing.v1.Pricing/Get")
    {
        Version = HttpVersion.Version20,
        VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        Content = new ByteArrayContent([0, 0, 0, 0, 0]) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } },
    };

    private sealed class Rewriting : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use((http, rest) =>
            {
                http.Request.Path = "/items";
                return rest(http);
            });
            next(app);
        };
    }
}
