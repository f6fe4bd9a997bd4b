using System.Net;
using BenchmarkDotNet.Attributes;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Authentication;
using ProxylessMesh.Rbac;
using ProxylessMesh.Spiffe;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Benchmarks;

/// <summary>May this caller do this? The policy that says yes is the last one asked.</summary>
[MemoryDiagnoser]
public class RbacDecision
{
    private RbacEngine _engine = null!;
    private HttpRequest _request = null!;
    private MeshPeer _peer = null!;

    [Params(1, 100)]
    public int Policies { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _engine = RbacCompiler.Compile([new RbacFilterConfig("allow", new RbacConfig
        {
            Action = RbacAction.Allow,
            Policies = [.. Enumerable.Range(1, Policies).Select(n => new RbacPolicyConfig
            {
                Name = $"ns[shop]-policy[p{n}]-rule[0]",
                Permissions = [new PermissionConfig.UrlPath(StringMatcher.Prefix("/cart/"))],
                Principals = [new PrincipalConfig.Authenticated(StringMatcher.Exact(n == Policies ? "spiffe://mesh.local/ns/shop/sa/storefront" : $"spiffe://mesh.local/ns/shop/sa/other-{n}"))],
            })],
        }, null)]);
        _request = new DefaultHttpContext { Request = { Method = "GET", Path = "/cart/1" } }.Request;
        _peer = new MeshPeer(SpiffeId.Parse("spiffe://mesh.local/ns/shop/sa/storefront"), new IPEndPoint(IPAddress.Loopback, 1), new IPEndPoint(IPAddress.Loopback, 2));
    }

    [Benchmark]
    public bool Decide() => _engine.Decide(new RbacInput(_request, _peer)).Allowed;
}
