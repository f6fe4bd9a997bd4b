using System.Collections.Immutable;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Rbac;

/// <summary>Config to rules. What decodes, compiles: nothing here can fail.</summary>
internal static class RbacCompiler
{
    /// <summary>Begins the prefix of shadow rules that say what an authorizer is asked about (Istio's word).</summary>
    public const string CustomPrefix = "istio_ext_authz_";

    public static RbacEngine Compile(IEnumerable<HttpFilterConfig> filters)
    {
        var rbac = filters.OfType<RbacFilterConfig>().ToList();
        return new RbacEngine(
            [.. Rules(rbac.Select(static filter => filter.Rules)).Where(static rules => rules.Action != RbacAction.Log).Select(Compile)],
            [.. Rules(rbac.Where(static filter => !IsCustom(filter)).Select(static filter => filter.ShadowRules)).Select(Compile)],
            [.. Rules(rbac.Select(static filter => filter.Rules)).Where(static rules => rules.Action == RbacAction.Log).Select(Compile)]);
    }

    /// <summary>The filter only says which calls an authorizer is asked about.</summary>
    public static bool IsCustom(RbacFilterConfig filter) => filter.ShadowRules is not null && filter.ShadowPrefix.StartsWith(CustomPrefix, StringComparison.Ordinal);

    public static RbacFilter Compile(RbacConfig config)
    {
        // What matches here leads to a denial: the match itself, unless it is what lets a call in.
        var keepsOut = config.Action != RbacAction.Allow;
        return new RbacFilter(
            config.Action,
            [.. config.Policies.Select(policy => new RbacPolicy(
                policy.Name,
                RbacRule.One(Compile(policy.Permissions, keepsOut)),
                RbacRule.One(Compile(policy.Principals, keepsOut))))],
            config.AuditsAllowed);
    }

    private static IEnumerable<RbacConfig> Rules(IEnumerable<RbacConfig?> rules) => rules.OfType<RbacConfig>();

    private static RbacRule[] Compile(ImmutableArray<PermissionConfig> permissions, bool keepsOut) => [.. permissions.Select(permission => Compile(permission, keepsOut))];

    private static RbacRule[] Compile(ImmutableArray<PrincipalConfig> principals, bool keepsOut) => [.. principals.Select(principal => Compile(principal, keepsOut))];

    private static RbacRule Compile(PermissionConfig permission, bool keepsOut) => permission switch
    {
        PermissionConfig.Any => RbacRule.Always,
        PermissionConfig.All all => RbacRule.All(Compile(all.Of, keepsOut)),
        PermissionConfig.One one => RbacRule.One(Compile(one.Of, keepsOut)),
        PermissionConfig.Not not => RbacRule.Not(Compile(not.Of, !keepsOut)),
        PermissionConfig.Header header => HeaderRules.Header(header.Matcher, keepsOut),
        PermissionConfig.UrlPath path => PathRules.Text(path.Matcher, keepsOut),
        PermissionConfig.PathTemplate path => PathRules.Template(path.Template, keepsOut),
        PermissionConfig.Metadata metadata => MetadataRules.Of(metadata.Matcher),
        PermissionConfig.DestinationAddress destination => RbacRule.LocalAddress(destination.Network),
        PermissionConfig.DestinationPorts ports => RbacRule.LocalPorts(ports.Start, ports.End),

        // A41: the name that the client asked for is always the empty string.
        PermissionConfig.RequestedServerName name => RbacRule.ServerName(name.Matcher),
        _ => throw new InvalidOperationException($"The decoder let through a permission of type {permission.GetType().Name} that authorization does not know."),
    };

    private static RbacRule Compile(PrincipalConfig principal, bool keepsOut) => principal switch
    {
        PrincipalConfig.Any => RbacRule.Always,
        PrincipalConfig.All all => RbacRule.All(Compile(all.Of, keepsOut)),
        PrincipalConfig.One one => RbacRule.One(Compile(one.Of, keepsOut)),
        PrincipalConfig.Not not => RbacRule.Not(Compile(not.Of, !keepsOut)),
        PrincipalConfig.Authenticated authenticated => RbacRule.Peer(authenticated.Name),
        PrincipalConfig.DirectAddress direct => RbacRule.RemoteAddress(direct.Network),
        PrincipalConfig.RemoteAddress remote => RbacRule.CallerAddress(remote.Network),
        PrincipalConfig.Header header => HeaderRules.Header(header.Matcher, keepsOut),
        PrincipalConfig.UrlPath path => PathRules.Text(path.Matcher, keepsOut),
        PrincipalConfig.Metadata metadata => MetadataRules.Of(metadata.Matcher),
        _ => throw new InvalidOperationException($"The decoder let through a principal of type {principal.GetType().Name} that authorization does not know."),
    };
}
