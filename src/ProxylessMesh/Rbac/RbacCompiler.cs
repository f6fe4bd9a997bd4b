using System.Collections.Immutable;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Rbac;

/// <summary>Config to rules. What decodes, compiles: nothing here can fail.</summary>
internal static class RbacCompiler
{
    public static RbacEngine Compile(IEnumerable<HttpFilterConfig> filters)
    {
        var rbac = filters.OfType<RbacFilterConfig>().ToList();
        return new RbacEngine(
            [.. rbac.Where(static filter => filter.Rules is not null).Select(static filter => Compile(filter.Rules!))],
            [.. rbac.Where(static filter => filter.ShadowRules is not null).Select(static filter => Compile(filter.ShadowRules!))]);
    }

    public static RbacFilter Compile(RbacConfig config)
        => new(config.Action, [.. config.Policies.Select(static policy => new RbacPolicy(
            policy.Name,
            RbacRule.One(Compile(policy.Permissions)),
            RbacRule.One(Compile(policy.Principals))))]);

    private static RbacRule[] Compile(ImmutableArray<PermissionConfig> permissions) => [.. permissions.Select(Compile)];

    private static RbacRule[] Compile(ImmutableArray<PrincipalConfig> principals) => [.. principals.Select(Compile)];

    private static RbacRule Compile(PermissionConfig permission) => permission switch
    {
        PermissionConfig.Any => RbacRule.Always,
        PermissionConfig.All all => RbacRule.All(Compile(all.Of)),
        PermissionConfig.One one => RbacRule.One(Compile(one.Of)),
        PermissionConfig.Not not => RbacRule.Not(Compile(not.Of)),
        PermissionConfig.Header header => RbacRule.Header(header.Matcher),
        PermissionConfig.UrlPath path => RbacRule.Path(path.Matcher),
        PermissionConfig.DestinationAddress destination => RbacRule.LocalAddress(destination.Network),
        PermissionConfig.DestinationPorts ports => RbacRule.LocalPorts(ports.Start, ports.End),

        // A41: the name that the client asked for is always the empty string.
        PermissionConfig.RequestedServerName name => RbacRule.ServerName(name.Matcher),
        _ => throw new InvalidOperationException($"The decoder let through a permission of type {permission.GetType().Name} that authorization does not know."),
    };

    private static RbacRule Compile(PrincipalConfig principal) => principal switch
    {
        PrincipalConfig.Any => RbacRule.Always,
        PrincipalConfig.All all => RbacRule.All(Compile(all.Of)),
        PrincipalConfig.One one => RbacRule.One(Compile(one.Of)),
        PrincipalConfig.Not not => RbacRule.Not(Compile(not.Of)),
        PrincipalConfig.Authenticated authenticated => RbacRule.Peer(authenticated.Name),
        PrincipalConfig.DirectAddress direct => RbacRule.RemoteAddress(direct.Network),
        PrincipalConfig.RemoteAddress remote => RbacRule.RemoteAddress(remote.Network),
        PrincipalConfig.Header header => RbacRule.Header(header.Matcher),
        PrincipalConfig.UrlPath path => RbacRule.Path(path.Matcher),
        _ => throw new InvalidOperationException($"The decoder let through a principal of type {principal.GetType().Name} that authorization does not know."),
    };
}
