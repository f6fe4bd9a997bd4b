using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.ControlPlane.Admin;
using ProxylessMesh.ControlPlane.Tests.Hosting;
using ProxylessMesh.Protos;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Tests.Admin;

public sealed class AdminApiTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Theory(Timeout = 60_000)]
    [InlineData(null)]
    [InlineData("Bearer wrong")]
    [InlineData("Basic cG8xOg==")]
    [InlineData("Bearer ")]
    public async Task Whoever_has_no_operators_token_is_refused(string? authorization)
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var client = Client(controlPlane, authorization);

        foreach (var path in new[] { "status", "manifests", "revisions", "tokens", "nothing" })
        {
            using var response = await client.GetAsync(new Uri("/api/v1/" + path, UriKind.Relative), TestEnd);
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        }

        using var health = await client.GetAsync(new Uri("/healthz", UriKind.Relative), TestEnd);
        Assert.Equal(HttpStatusCode.OK, health.StatusCode);
    }

    [Fact(Timeout = 60_000)]
    public async Task Token_file_is_for_this_user_alone_and_survives_a_restart()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        var path = controlPlane.Parts.GetRequiredService<OperatorToken>().Path;
        var text = await File.ReadAllTextAsync(path, TestEnd);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        }

        await controlPlane.StopAsync();
        await controlPlane.StartAgainAsync();

        Assert.Equal(text, await File.ReadAllTextAsync(path, TestEnd));
    }

    [Fact(Timeout = 60_000)]
    public async Task Apply_is_all_or_nothing_and_a_revision()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var client = Operator(controlPlane);

        using var bad = await client.PostAsJsonAsync("/api/v1/manifests", new { files = new[] { new { name = "a.yaml", text = Service }, new { name = "b.yaml", text = "kind: Foo" } } }, TestEnd);
        var refusal = await bad.Content.ReadFromJsonAsync<JsonElement>(TestEnd);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, bad.StatusCode);
        Assert.Equal("b.yaml", refusal.GetProperty("errors")[0].GetProperty("file").GetString());
        Assert.Equal(0, refusal.GetProperty("revision").GetInt64());

        using var good = await client.PostAsJsonAsync("/api/v1/manifests", new { files = new[] { new { name = "a.yaml", text = Service } } }, TestEnd);
        Assert.Equal(HttpStatusCode.OK, good.StatusCode);
        var manifests = await client.GetFromJsonAsync<JsonElement>("/api/v1/manifests", TestEnd);
        Assert.Equal("Service shop/catalog", manifests.GetProperty("files")[0].GetProperty("manifests")[0].GetString());

        using var deleted = await client.DeleteAsync(new Uri("/api/v1/manifests/a.yaml", UriKind.Relative), TestEnd);
        Assert.Equal(HttpStatusCode.OK, deleted.StatusCode);
        var revisions = await client.GetFromJsonAsync<JsonElement>("/api/v1/revisions", TestEnd);
        Assert.Equal([2, 1], revisions.EnumerateArray().Select(static revision => revision.GetProperty("number").GetInt32()));
    }

    [Theory(Timeout = 60_000)]
    [InlineData("not json")]
    [InlineData("{}")]
    [InlineData("{\"files\":[]}")]
    [InlineData("{\"files\":[null]}")]
    [InlineData("{\"files\":[{\"name\":\"a.yaml\"}]}")]
    [InlineData("{\"files\":[{\"name\":\"../../x.yaml\",\"text\":\"\"}]}")]
    public async Task Body_that_is_no_apply_is_refused(string body)
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var client = Operator(controlPlane);
        using var content = new StringContent(body);

        using var response = await client.PostAsync(new Uri("/api/v1/manifests", UriKind.Relative), content, TestEnd);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Empty(Directory.GetFiles(controlPlane.ManifestFolder));
    }

    [Fact(Timeout = 60_000)]
    public async Task Join_tokens_are_made_listed_and_revoked()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var client = Operator(controlPlane);

        using var made = await client.PostAsJsonAsync("/api/v1/tokens", new { @namespace = "shop", serviceAccount = "catalog", lifetimeSeconds = 60, maxUses = 1 }, TestEnd);
        var token = JoinToken.Parse((await made.Content.ReadFromJsonAsync<JsonElement>(TestEnd)).GetProperty("token").GetString());
        var listed = await client.GetStringAsync(new Uri("/api/v1/tokens", UriKind.Relative), TestEnd);
        using var revoked = await client.DeleteAsync(new Uri($"/api/v1/tokens/{token.Id}", UriKind.Relative), TestEnd);
        using var again = await client.DeleteAsync(new Uri("/api/v1/tokens/nothing", UriKind.Relative), TestEnd);

        Assert.Contains(token.Id, listed, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NoContent, revoked.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, again.StatusCode);
    }

    [Fact(Timeout = 60_000)]
    public async Task Status_names_who_refused_what_and_why()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var join = await TestJoin.StartAsync(controlPlane.Connect("catalog"), TestControlPlane.Registration("catalog", "catalog-1"));
        using var stream = new TestDeltaStream(controlPlane.Connect("client"), "client-1");
        await stream.SubscribeAsync(XdsTypeUrls.Cluster, "outbound|80||catalog.shop.svc.cluster.local");
        var response = await stream.ReadAsync();
        await stream.SendAsync(new() { TypeUrl = response.TypeUrl, ResponseNonce = response.Nonce, ErrorDetail = new() { Code = 3, Message = "clusters[x] is odd" } });
        await stream.SubscribeAsync(XdsTypeUrls.Cluster, "nowhere");
        await stream.ReadAsync();
        using var client = Operator(controlPlane);

        var status = await client.GetFromJsonAsync<JsonElement>("/api/v1/status", TestEnd);

        var node = status.GetProperty("nodes")[0];
        Assert.Equal("spiffe://mesh.local/ns/shop/sa/client", node.GetProperty("identity").GetString());
        Assert.Equal("refused", node.GetProperty("types")[0].GetProperty("state").GetString());
        Assert.Equal("clusters[x] is odd", node.GetProperty("types")[0].GetProperty("reason").GetString());
        Assert.Equal("catalog", status.GetProperty("workloads")[0].GetProperty("service").GetString());
    }

    [Fact(Timeout = 60_000)]
    public async Task Status_tells_how_the_certificate_of_a_workload_stands_and_believes_no_nonsense()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var join = await TestJoin.StartAsync(controlPlane.Connect("catalog"), TestControlPlane.Registration("catalog", "catalog-1"));
        using var client = Operator(controlPlane);
        var end = TimeProvider.System.GetUtcNow().AddHours(2);

        await join.SendAsync(new() { Identity = new() { State = IdentityReport.Types.State.Stale, ExpiresAt = end.ToTimestamp(), Reason = "the CA is\naway" } });
        await join.SendAsync(new() { Identity = new() { State = IdentityReport.Types.State.Ready, ExpiresAt = new() { Seconds = long.MaxValue } } });
        await join.SendAsync(new() { Identity = new() { State = IdentityReport.Types.State.Ready, Reason = new string('a', 100_000) } });
        await join.SendAsync(new() { Health = new() { Health = Health.NotServing } });
        JsonElement workload;
        do
        {
            workload = (await client.GetFromJsonAsync<JsonElement>("/api/v1/status", TestEnd)).GetProperty("workloads")[0];
        }
        while (workload.GetProperty("health").GetString() == "serving");

        var certificate = workload.GetProperty("certificate");
        Assert.Equal(("stale", "the CA is\uFFFDaway"), (certificate.GetProperty("state").GetString(), certificate.GetProperty("reason").GetString()));
        Assert.Equal(end, certificate.GetProperty("expiresAt").GetDateTimeOffset());
    }

    private const string Service = "apiVersion: v1\nkind: Service\nmetadata: { name: catalog, namespace: shop }\nspec: { ports: [{ name: http, port: 80 }] }\n";

    private static HttpClient Operator(TestControlPlane controlPlane)
        => Client(controlPlane, "Bearer " + File.ReadAllText(controlPlane.Parts.GetRequiredService<OperatorToken>().Path).Trim());

    private static HttpClient Client(TestControlPlane controlPlane, string? authorization)
    {
        var client = new HttpClient(new HttpClientHandler { ServerCertificateCustomValidationCallback = static (_, _, _, _) => true }) { BaseAddress = controlPlane.Address.Https };
        client.DefaultRequestHeaders.Authorization = AuthenticationHeaderValue.TryParse(authorization, out var value) ? value : null;
        return client;
    }
}
