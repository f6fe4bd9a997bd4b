using System.Net;
using System.Security.Claims;
using Microsoft.AspNetCore.Http;

namespace ProxylessMesh.Tests.Authentication;

public sealed class PeerIdentityMiddlewareTests
{
    private const string Storefront = "spiffe://mesh.local/ns/shop/sa/storefront";

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("x-forwarded-client-cert", "URI=spiffe://mesh.local/ns/shop/sa/admin")]
    [InlineData("X-Forwarded-Client-Cert", "URI=spiffe://mesh.local/ns/shop/sa/admin")]
    [InlineData("x-envoy-peer-metadata", "CgA=")]
    [InlineData("x-envoy-peer-metadata-id", "sidecar~10.0.0.1~admin.shop~shop.svc")]
    [InlineData("x-envoy-internal", "true")]
    [InlineData("x-envoy-external-address", "10.0.0.1")]
    [InlineData("x-envoy-downstream-service-cluster", "admin")]
    [InlineData("x-envoy-downstream-service-node", "admin-1")]
    [InlineData("x-envoy-ip-tags", "office")]
    [InlineData("x-envoy-original-dst-host", "10.0.0.1:443")]
    public async Task Identity_that_a_caller_claims_in_a_header_does_not_arrive(string name, string value)
    {
        await using var app = await MeshApp.StartAsync(Policies.Permissive(), http => http.Response.WriteAsync(http.Request.Headers.ContainsKey(name) ? "smuggled" : "clean"));
        using var mesh = app.Client();
        using var plaintext = app.PlaintextClient();
        mesh.DefaultRequestHeaders.Add(name, value);
        plaintext.DefaultRequestHeaders.Add(name, value);

        Assert.Equal("clean", await mesh.GetStringAsync("/", TestEnd));
        Assert.Equal("clean", await plaintext.GetStringAsync("/", TestEnd));
    }

    [Fact]
    public async Task Workload_is_a_claim_of_the_user_but_signs_nobody_in()
    {
        await using var app = await MeshApp.StartAsync(Policies.Strict(), static http => http.Response.WriteAsync($"{http.User.FindFirstValue(MeshClaimTypes.SpiffeId)} {http.User.Identity!.Name} {http.User.Identities.Any(static identity => identity.IsAuthenticated)}"));
        using var client = app.Client();

        Assert.Equal($"{Storefront} {Storefront} False", await client.GetStringAsync("/", TestEnd));
    }

    [Fact]
    public async Task Plaintext_caller_has_no_such_claim()
    {
        await using var app = await MeshApp.StartAsync(Policies.Permissive(), static http => http.Response.WriteAsync($"'{http.User.FindFirstValue(MeshClaimTypes.SpiffeId)}'"));
        using var client = app.PlaintextClient();

        Assert.Equal("''", await client.GetStringAsync("/", TestEnd));
    }

    [Fact]
    public async Task Person_whom_the_application_signs_in_stays_first_and_the_workload_is_added()
    {
        var person = new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.Name, "ann")], "cookie"));
        await using var app = await MeshApp.StartAsync(Policies.Strict(), http =>
        {
            http.User = person;
            return http.Response.WriteAsync($"{http.User.Identity!.Name} {http.User.Identity.IsAuthenticated} {http.User.FindAll(MeshClaimTypes.SpiffeId).Single().Value}");
        });
        using var storefront = app.Client();
        using var other = app.Client("other");

        Assert.Equal($"ann True {Storefront}", await storefront.GetStringAsync("/", TestEnd));
        Assert.Equal("ann True spiffe://mesh.local/ns/shop/sa/other", await other.GetStringAsync("/", TestEnd));
        Assert.False(person.HasClaim(static claim => claim.Type == MeshClaimTypes.SpiffeId));
    }

    [Fact]
    public async Task Claim_that_one_request_adds_is_not_there_for_the_next()
    {
        await using var app = await MeshApp.StartAsync(Policies.Strict(), static http =>
        {
            var before = http.User.HasClaim("role", "admin");
            http.User.Identities.First().AddClaim(new Claim("role", "admin"));
            return http.Response.WriteAsync(before.ToString());
        });
        using var client = app.Client(version: HttpVersion.Version20);

        Assert.Equal("False", await client.GetStringAsync("/", TestEnd));
        Assert.Equal("False", await client.GetStringAsync("/", TestEnd));
    }
}
