using ProxylessMesh.Manifests;
using ProxylessMesh.Tool.Explain;

namespace ProxylessMesh.Tool.Tests.Explain;

public sealed class RouteExplainerTests
{
    private const string Manifests = """
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: { name: catalog, namespace: shop }
        spec:
          host: catalog
          subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]
        ---
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: { name: catalog, namespace: shop }
        spec:
          hosts: [catalog]
          http:
            - name: admin
              match: [{ uri: { prefix: /admin }, headers: { x-role: { exact: admin } } }]
              directResponse: { status: 403, body: { string: never } }
            - name: moved
              match: [{ uri: { exact: /old } }]
              redirect: { uri: /new }
            - name: split
              match: [{ uri: { prefix: /items } }]
              rewrite: { uri: /v1/items, authority: catalog.internal }
              headers: { request: { set: { x-mesh: "yes" } } }
              timeout: 2s
              retries: { attempts: 3, perTryTimeout: 500ms, retryOn: 5xx }
              fault: { delay: { fixedDelay: 1.5s, percentage: { value: 10 } } }
              mirror: { host: shadow }
              route:
                - { destination: { host: catalog, subset: v1 }, weight: 90 }
                - { destination: { host: catalog, subset: v2 }, weight: 10 }
        """;

    private static RouteVerdict Ask(string url, params (string Name, string Value)[] headers)
    {
        var reading = ManifestReader.Read(Manifests, "test.yaml");
        Assert.Empty(reading.Errors);
        return RouteExplainer.Explain(new RouteQuestion
        {
            Manifests = reading.Manifests,
            Service = "web",
            Namespace = "shop",
            Url = new Uri(url),
            Headers = [.. headers.Select(static header => KeyValuePair.Create(header.Name, header.Value))],
        });
    }

    [Fact]
    public void The_rule_that_takes_a_call_is_told_with_all_that_it_does()
    {
        var verdict = Ask("http://catalog/items/7?x=1");

        Assert.Equal("/v1/items/7?x=1", verdict.Path);
        Assert.Equal("catalog.internal", verdict.Host);
        Assert.Equal("yes", verdict.RequestHeaders["x-mesh"]);
        Assert.Equal([("catalog", "v1", 90u), ("catalog", "v2", 10u)], verdict.Backends.Select(static backend => (backend.Name, backend.Subset!, backend.Weight)));
        Assert.Equal(("2s", 3, "0.5s"), (verdict.Timeout, verdict.Retries!.Attempts, verdict.Retries.PerTryTimeout));
        Assert.Equal(("1.5s", 10d), (verdict.Fault!.Delay, verdict.Fault.DelayPercent));
        Assert.Contains("shadow", Assert.Single(verdict.Mirrors).Cluster, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_rule_before_it_is_told_with_the_condition_that_does_not_hold()
    {
        var verdict = Ask("http://catalog/admin/users", ("x-role", "guest"));

        Assert.Null(verdict.Rule);
        Assert.NotNull(verdict.Reason);
        Assert.Equal(
            [
                "header 'x-role' is 'guest'; asked for: exact 'admin'",
                "path '/admin/users' does not match exact '/old'",
                "path '/admin/users' does not match prefix '/items'",
            ],
            verdict.Others.Select(static other => other.Why));
    }

    [Fact]
    public void Answers_without_a_backend_are_told()
    {
        var direct = Ask("http://catalog.shop/admin", ("x-role", "admin"));
        var moved = Ask("http://catalog.shop.svc.cluster.local:80/old");

        Assert.Equal(new DirectResponseVerdict(403, "never"), direct.DirectResponse);
        Assert.Equal(new RedirectVerdict(301, "http://catalog.shop.svc.cluster.local/new"), moved.Redirect);
    }

    [Theory]
    [InlineData("http://unknown/")]
    [InlineData("http://127.0.0.1/")]
    public void A_host_that_is_not_the_meshs_is_no_name(string url)
    {
        var verdict = Ask(url);

        Assert.Null(verdict.Rule);
        Assert.Null(verdict.Routes);
        Assert.NotNull(verdict.Reason);
    }
}
