using System.Net;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Authentication;
using ProxylessMesh.ControlPlane.Tests.Translation;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.Protos;
using ProxylessMesh.Rbac;
using ProxylessMesh.Spiffe;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Interop.Tests.RoundTrip;

/// <summary>AuthorizationPolicies as people write them, decided by the engine that decides in a workload: translator, wire, decoder, compiler, engine.</summary>
public class PolicyTests
{
    private const string Storefront = "spiffe://mesh.local/ns/shop/sa/storefront";
    private const string Intruder = "spiffe://mesh.local/ns/default/sa/intruder";

    private static string Policy(string name, string spec) => $$"""
        apiVersion: security.istio.io/v1
        kind: AuthorizationPolicy
        metadata: { name: {{name}}, namespace: shop }
        spec: {{spec}}
        ---

        """;

    private static RbacEngine Engine(string yaml)
    {
        const string name = "proxylessmesh/inbound/10.0.0.1:5000";
        Assert.True(InboundName.TryParse(name, out var parsed));
        var listener = InboundTranslator.Translate(Given.Manifests(yaml), Given.Workload("catalog", "c1"), name, parsed);
        var config = DecoderTests.Decode<ListenerConfig>(XdsTypeUrls.Listener, listener.ToByteString());
        return RbacCompiler.Compile(config.FilterChains[0].Http.Filters);
    }

    private static bool Allows(RbacEngine engine, string? caller, string method = "GET", string path = "/")
    {
        var http = new DefaultHttpContext();
        http.Request.Method = method;
        http.Request.Path = path;
        http.Request.Host = new HostString("catalog");
        var peer = new MeshPeer(caller is null ? null : SpiffeId.Parse(caller), IPEndPoint.Parse("10.0.0.9:40000"), IPEndPoint.Parse("10.0.0.1:5000"));
        return engine.Decide(new RbacInput(http.Request, peer)).Allowed;
    }

    [Fact]
    public void Without_a_policy_everybody_is_let_in() => Assert.True(Allows(Engine(""), null));

    [Fact]
    public void An_empty_spec_lets_nobody_in() => Assert.False(Allows(Engine(Policy("nothing", "{}")), Storefront));

    [Theory]
    [InlineData(Storefront, "GET", "/items/1", true)]
    [InlineData(Storefront, "POST", "/items/1", false)]
    [InlineData(Storefront, "GET", "/admin", false)]
    [InlineData(Intruder, "GET", "/items/1", false)]
    [InlineData(null, "GET", "/items/1", false)]
    [InlineData(null, "GET", "/healthz", true)]
    public void Only_what_a_rule_allows_is_let_in(string? caller, string method, string path, bool allowed)
    {
        var engine = Engine(Policy(
            "catalog",
            """
            { rules: [
              { from: [{ source: { principals: [mesh.local/ns/shop/sa/storefront] } }], to: [{ operation: { methods: [GET], paths: ["/items*"] } }] },
              { to: [{ operation: { paths: [/healthz] } }] } ] }
            """));

        Assert.Equal(allowed, Allows(engine, caller, method, path));
    }

    [Theory]
    [InlineData(Storefront, true)]
    [InlineData("spiffe://mesh.local/ns/shopping/sa/storefront", false)]
    [InlineData("spiffe://mesh.local/ns/default/sa/shop", false)]
    [InlineData(null, false)]
    public void A_namespace_is_the_whole_name(string? caller, bool allowed)
        => Assert.Equal(allowed, Allows(Engine(Policy("shop", "{ rules: [{ from: [{ source: { namespaces: [shop] } }] }] }")), caller));

    [Fact]
    public void A_caller_without_an_identity_matches_every_not() // as in Istio: nothing to compare is no match
    {
        var engine = Engine(Policy("others", "{ action: DENY, rules: [{ from: [{ source: { notNamespaces: [shop] } }] }] }"));

        Assert.True(Allows(engine, Storefront));
        Assert.False(Allows(engine, Intruder));
        Assert.False(Allows(engine, null));
    }

    [Fact]
    public void A_star_asks_for_any_identity_but_for_one()
    {
        var engine = Engine(Policy("any", "{ rules: [{ from: [{ source: { principals: [\"*\"] } }] }] }"));

        Assert.True(Allows(engine, Intruder));
        Assert.False(Allows(engine, null));
    }

    [Fact]
    public void Allowing_more_never_lets_in_what_is_denied()
    {
        string[] callers = [Storefront, Intruder, ""];
        string[] paths = ["/", "/a", "/a/b"];
        for (var seed = 0; seed < 100; seed++)
        {
            var random = new Random(seed);
            var deny = Policy("deny", $"{{ action: DENY, rules: [{Rule(random)}] }}");
            var allow = string.Concat(Enumerable.Range(0, random.Next(3)).Select(i => Policy($"allow-{i}", $"{{ rules: [{Rule(random)}] }}")));
            var (denyOnly, allowOnly, both) = (Engine(deny), Engine(allow), Engine(deny + allow));
            foreach (var (caller, path) in callers.SelectMany(caller => paths.Select(path => (caller.Length > 0 ? caller : null, path))))
            {
                Assert.Equal(Allows(denyOnly, caller, path: path) && Allows(allowOnly, caller, path: path), Allows(both, caller, path: path));
            }
        }
    }

    private static string Rule(Random random)
    {
        string[] from = ["", "from: [{ source: { principals: [\"*/sa/intruder\"] } }],", "from: [{ source: { notPrincipals: [mesh.local/ns/shop/sa/storefront] } }],", "from: [{ source: { namespaces: [\"s*\"] } }],"];
        string[] to = ["", "to: [{ operation: { paths: [\"/a*\"] } }]", "to: [{ operation: { notPaths: [/] } }]", "to: [{ operation: { methods: [POST] } }, { operation: { ports: [\"5000\"] } }]"];
        return $"{{ {from[random.Next(from.Length)]} {to[random.Next(to.Length)]} }}";
    }
}
