using FsCheck;
using FsCheck.Fluent;
using ProxylessMesh.Rbac;
using ProxylessMesh.Xds.Resources;
using static ProxylessMesh.Tests.Policies;

namespace ProxylessMesh.Tests.Rbac;

public sealed class DenyWinsTests
{
    private static readonly string[] Accounts = ["storefront", "catalog", "intruder"];
    private static readonly string[] Paths = ["/", "/items", "/items/7", "/admin"];
    private static readonly string[] Methods = ["GET", "POST"];

    // Once: a regex takes a while to build.
    private static readonly PrincipalConfig InShop = Namespace("shop");

    private static Gen<PermissionConfig> Permission { get; } = PermissionOf(depth: 2);

    private static Gen<PrincipalConfig> Caller { get; } = CallerOf(depth: 2);

    private static Gen<RbacPolicyConfig> AnyPolicy { get; }
        = from permission in Permission from caller in Caller select Policy("p", permission, caller);

    private static Gen<RbacFilterConfig> Filter { get; }
        = from deny in Gen.Elements(true, false)
          from policies in AnyPolicy.ListOf(3)
          select deny ? Deny([.. policies]) : Allow([.. policies]);

    [Fact]
    public void Request_that_one_deny_policy_matches_never_passes_whatever_stands_around_it()
        => Prop.ForAll(
            (from before in Filter.ListOf(2)
             from denied in AnyPolicy
             from after in Filter.ListOf(2)
             from account in Gen.Elements(Accounts)
             from path in Gen.Elements(Paths)
             from method in Gen.Elements(Methods)
             select (Filters: (RbacFilterConfig[])[.. before, Deny(denied), .. after], Denied: denied, Account: account, Path: path, Method: method)).ToArbitrary(),
            static draw =>
            {
                var request = Requests.From(draw.Account, draw.Method, draw.Path);
                var matches = !RbacCompiler.Compile([Deny(draw.Denied)]).Decide(request).Allowed;
                return !matches || !RbacCompiler.Compile(draw.Filters).Decide(request).Allowed;
            }).QuickCheckThrowOnFailure();

    [Fact]
    public void Another_allow_policy_never_keeps_out_who_was_let_in()
        => Prop.ForAll(
            (from policies in AnyPolicy.ListOf(3)
             from added in AnyPolicy
             from account in Gen.Elements(Accounts)
             from path in Gen.Elements(Paths)
             select (Before: (RbacPolicyConfig[])[.. policies], Added: added, Account: account, Path: path)).ToArbitrary(),
            static draw =>
            {
                var request = Requests.From(draw.Account, path: draw.Path);
                return !RbacCompiler.Compile([Allow(draw.Before)]).Decide(request).Allowed
                    || RbacCompiler.Compile([Allow([.. draw.Before, draw.Added])]).Decide(request).Allowed;
            }).QuickCheckThrowOnFailure();

    private static Gen<PermissionConfig> PermissionOf(int depth)
    {
        var leaf = Gen.OneOf(Gen.Constant(Anything), Gen.Elements(Paths).Select(Path), Gen.Elements(Paths).Select(PathPrefix), Gen.Elements(Methods).Select(Method));
        return depth == 0 ? leaf : Gen.OneOf(
            leaf,
            PermissionOf(depth - 1).Select(Not),
            PermissionOf(depth - 1).ListOf(2).Select(static of => (PermissionConfig)new PermissionConfig.All([.. of])),
            PermissionOf(depth - 1).ListOf(2).Select(static of => (PermissionConfig)new PermissionConfig.One([.. of])));
    }

    private static Gen<PrincipalConfig> CallerOf(int depth)
    {
        var leaf = Gen.OneOf(Gen.Constant(Anyone), Gen.Elements(Accounts).Select(static account => Principal(account)), Gen.Constant(InShop));
        return depth == 0 ? leaf : Gen.OneOf(
            leaf,
            CallerOf(depth - 1).Select(Not),
            CallerOf(depth - 1).ListOf(2).Select(static of => (PrincipalConfig)new PrincipalConfig.All([.. of])),
            CallerOf(depth - 1).ListOf(2).Select(static of => (PrincipalConfig)new PrincipalConfig.One([.. of])));
    }
}
