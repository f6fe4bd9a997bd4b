using System.Net;
using FsCheck;
using FsCheck.Fluent;
using ProxylessMesh.Authentication;
using ProxylessMesh.Rbac;
using ProxylessMesh.Spiffe;
using ProxylessMesh.Summaries;
using ProxylessMesh.Tests.Rbac;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;
using static ProxylessMesh.Protos.V1.CallSummary.Types;
using static ProxylessMesh.Tests.Policies;

namespace ProxylessMesh.Tests.Summaries;

/// <summary>Whatever the policies and the call: a verdict is what the engine would have decided with everything known, or "unknown".</summary>
public sealed class VerdictTests
{
    private const int Many = 3000;

    private static readonly string[] Accounts = ["storefront", "catalog"];
    private static readonly string[] Paths = ["/", "/items", "/items/7", "/items/8", "/ITEMS/7", "/items/7/", "/admin"];
    private static readonly string[] Methods = ["GET", "POST"];
    private static readonly string[] Tenants = ["", "a", "b"];

    private static Gen<RbacPolicyConfig> AnyPolicy { get; }
        = from permission in PermissionOf(depth: 2) from caller in CallerOf(depth: 1) select Policy("p", permission, caller);

    private static Gen<(bool Deny, RbacPolicyConfig[] Policies)> Filter { get; }
        = from deny in Gen.Elements(true, false)
          from policies in AnyPolicy.ListOf(2)
          select (deny, policies.ToArray());

    private static Gen<Draw> Draws { get; }
        = from before in Filter.ListOf(2)
          from replacement in AnyPolicy
          from replaced in Gen.Choose(-1, 3)
          from account in Gen.Elements(Accounts)
          from path in Gen.Elements(Paths)
          from method in Gen.Elements(Methods)
          from tenant in Gen.Elements(Tenants)
          from known in Gen.Choose(0, 2)
          select new Draw([.. before], replacement, replaced, account, path, method, tenant, known);

    [Fact]
    public void Verdict_is_what_the_engine_decides_with_everything_known()
    {
        var told = 0;
        Prop.ForAll(Draws.ToArbitrary(), draw =>
        {
            var current = draw.Filters(-1);
            var proposed = draw.Filters(draw.Replaced);
            var request = Requests.From(draw.Account, draw.Method, draw.Path, headers: draw.Tenant.Length > 0 ? [("x-tenant", draw.Tenant)] : []);
            var happened = RbacCompiler.Compile(current).Decide(request);
            var real = RbacCompiler.Compile(proposed).Decide(request);

            var verdict = new PolicyProposal(Strict(proposed).Listener, draw.Replaced < 0 ? [] : [Draw.NameOf(draw.Replaced)]).Judge(draw.Key(happened), Entry(draw), isOfToday: true);

            Interlocked.Increment(ref told);
            if (verdict.Answer == Verdict.Unknown)
            {
                Interlocked.Decrement(ref told);
                return verdict.Missing is { Length: > 0 };
            }

            return verdict.Answer == Verdict.Allowed == real.Allowed;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(Many));

        // Most can be told: a test of answers that are always "unknown" would be none.
        Assert.InRange(told, Many / 2, Many);
    }

    private static CallEntry Entry(Draw draw)
    {
        var peer = new MeshPeer(SpiffeId.Parse(draw.Caller), new IPEndPoint(IPAddress.Parse("10.0.0.7"), 1), new IPEndPoint(IPAddress.Parse("10.0.0.1"), 8080));
        return new CallEntry(10, DateTimeOffset.UnixEpoch, peer);
    }

    private static Gen<PermissionConfig> PermissionOf(int depth)
    {
        var leaf = Gen.OneOf(
            Gen.Constant(Anything),
            Gen.Elements(Paths).Select(Path),
            Gen.Elements(Paths).Select(PathPrefix),
            Gen.Elements(Methods).Select(Method),
            Gen.Elements(Tenants).Select(static tenant => (PermissionConfig)new PermissionConfig.Header(new HeaderMatcher { Name = "x-tenant", Value = tenant.Length > 0 ? StringMatcher.Exact(tenant) : null })));
        return depth == 0 ? leaf : Gen.OneOf(
            leaf,
            PermissionOf(depth - 1).Select(Not),
            PermissionOf(depth - 1).ListOf(2).Select(static of => (PermissionConfig)new PermissionConfig.All([.. of])),
            PermissionOf(depth - 1).ListOf(2).Select(static of => (PermissionConfig)new PermissionConfig.One([.. of])));
    }

    private static Gen<PrincipalConfig> CallerOf(int depth)
    {
        var leaf = Gen.OneOf(Gen.Constant(Anyone), Gen.Elements(Accounts).Select(static account => Principal(account)));
        return depth == 0 ? leaf : Gen.OneOf(leaf, CallerOf(depth - 1).Select(Not));
    }

    /// <param name="Before">The filters in force.</param>
    /// <param name="Replacement">What one policy becomes.</param>
    /// <param name="Replaced">Its index; -1: none changes.</param>
    /// <param name="Account">The caller.</param>
    /// <param name="Path">What it calls.</param>
    /// <param name="Method">How.</param>
    /// <param name="Tenant">A header's value; empty: the header is not there.</param>
    /// <param name="Known">2: the path is recorded; 1: its template; 0: nothing but the caller.</param>
    private sealed record Draw((bool Deny, RbacPolicyConfig[] Policies)[] Before, RbacPolicyConfig Replacement, int Replaced, string Account, string Path, string Method, string Tenant, int Known)
    {
        public string Caller => $"spiffe://mesh.local/ns/shop/sa/{Account}";

        public static string NameOf(int index) => $"policy-{index}";

        public RbacFilterConfig[] Filters(int replaced)
        {
            var index = 0;
            return [.. Before.Select(filter =>
            {
                RbacPolicyConfig[] policies = [.. filter.Policies.Select(policy => (index == replaced ? Replacement : policy) with { Name = NameOf(index++) })];
                return filter.Deny ? Deny(policies) : Allow(policies);
            })];
        }

        public CallKey Key(RbacDecision happened)
        {
            var key = new CallKey
            {
                Caller = Caller,
                IsTls = true,
                Method = Method,
                Path = Path,
                Endpoint = "/items/{id}",
                Host = "catalog",
                Port = 8080,
                Outcome = happened.Allowed ? CallOutcome.Allowed : CallOutcome.Denied,
                Policy = happened.Policy,
            };
            return Known == 2 ? key : Known == 1 && key.Folded is { } folded ? folded : key.Rest;
        }
    }
}
