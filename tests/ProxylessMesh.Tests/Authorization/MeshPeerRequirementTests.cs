using System.Net;
using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;
using static ProxylessMesh.Tests.Policies;

namespace ProxylessMesh.Tests.Authorization;

public sealed class MeshPeerRequirementTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Endpoint_lets_only_its_workloads_in_and_asks_nobody_to_sign_in()
    {
        var reached = 0;
        await using var app = await StartAsync(app => app.MapGet("/orders", () => Interlocked.Increment(ref reached)).RequireMeshPeer("shop/storefront", "spiffe://partner.test/ns/x/sa/y"));
        using var storefront = app.Client("storefront");
        using var intruder = app.Client("intruder");

        Assert.Equal(HttpStatusCode.OK, await StatusAsync(storefront, "/orders"));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(intruder, "/orders"));
        Assert.Equal(1, reached);
    }

    [Fact]
    public async Task Plaintext_caller_is_no_workload()
    {
        await using var app = await StartAsync(static app => app.MapGet("/orders", static () => "here").RequireMeshPeer("shop/storefront"), Permissive());
        using var client = app.PlaintextClient();

        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(client, "/orders"));
    }

    [Fact]
    public async Task Claim_that_the_application_adds_stands_in_for_no_handshake()
    {
        await using var app = await StartAsync(static app =>
        {
            app.Use(static (http, next) =>
            {
                http.User = new ClaimsPrincipal(new ClaimsIdentity([new Claim(MeshClaimTypes.SpiffeId, "spiffe://mesh.local/ns/shop/sa/storefront")], "forged"));
                return next(http);
            });
            app.UseAuthorization();
            app.MapGet("/orders", static () => "here").RequireMeshPeer("shop/storefront");
        });
        using var client = app.Client("intruder");

        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(client, "/orders"));
    }

    [Fact]
    public async Task Name_without_a_trust_domain_is_one_of_this_mesh()
    {
        await using var app = await StartAsync(static app => app.MapGet("/orders", static () => "here").RequireMeshPeer("shop/storefront"));
        var partners = TestCa.Create("partner.test");
        var both = new TrustBundleSet([app.Ca.Bundle, partners.Bundle]);
        app.Identity.Set(app.Ca.Issue("shop", "catalog", bundles: both));
        using var client = app.Client(partners.Issue("shop", "storefront", bundles: both));

        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(client, "/orders"));
    }

    [Fact]
    public async Task Policy_of_the_application_may_ask_for_more()
    {
        await using var app = await StartAsync(static app => app.MapGet("/orders", static () => "here").RequireAuthorization(static policy => policy.RequireMeshPeer("shop/storefront").RequireAssertion(static context => context.Resource is HttpContext http && http.Request.Query.ContainsKey("more"))), scheme: true);
        using var client = app.Client("storefront");
        using var intruder = app.Client("intruder");

        Assert.Equal(HttpStatusCode.OK, await StatusAsync(client, "/orders?more"));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(intruder, "/orders?more"));

        // The workload is right and something else is not: ASP.NET answers as it always does, here by asking to sign in.
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(client, "/orders"));
    }

    [Theory]
    [InlineData("storefront")]
    [InlineData("a/b/c")]
    [InlineData("shop/..")]
    public void What_is_no_workload_is_refused_with_what_to_write(string peer)
        => Assert.Contains("namespace/service-account", Assert.Throws<ArgumentException>(() => new AuthorizationPolicyBuilder().RequireMeshPeer(peer)).Message, StringComparison.Ordinal);

    [Fact]
    public void No_workload_at_all_is_refused()
        => Assert.Throws<ArgumentException>(() => new AuthorizationPolicyBuilder().RequireMeshPeer());

    private static Task<MeshApp> StartAsync(Action<WebApplication> map, Xds.InboundConfig? policy = null, bool scheme = false)
        => MeshApp.StartAsync(
            policy ?? Strict(),
            configure: builder =>
            {
                builder.Services.AddAuthorization().AddRouting();
                if (scheme)
                {
                    builder.Services.AddAuthentication("none").AddScheme<AuthenticationSchemeOptions, Nobody>("none", null);
                }
            },
            map: map);

    private sealed class Nobody(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder) : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
    {
        protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(AuthenticateResult.NoResult());
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient client, string path)
    {
        using var answer = await client.GetAsync(path, TestEnd);
        return answer.StatusCode;
    }
}
