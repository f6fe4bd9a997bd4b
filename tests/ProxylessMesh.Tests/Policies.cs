using System.Collections.Immutable;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Tests;

/// <summary>Inbound configs in the words of the manifests that lead to them.</summary>
internal static class Policies
{
    public static PrincipalConfig Anyone { get; } = new PrincipalConfig.Any();

    public static PermissionConfig Anything { get; } = new PermissionConfig.Any();

    public static InboundConfig Strict(params RbacFilterConfig[] filters) => Inbound([Tls(filters)]);

    public static InboundConfig Permissive(params RbacFilterConfig[] filters) => Inbound([Tls(filters), Plaintext(filters)]);

    public static InboundConfig Disabled(params RbacFilterConfig[] filters) => Inbound([Plaintext(filters)]);

    public static RbacFilterConfig Deny(params RbacPolicyConfig[] policies) => Filter("deny", RbacAction.Deny, policies);

    public static RbacFilterConfig Allow(params RbacPolicyConfig[] policies) => Filter("allow", RbacAction.Allow, policies);

    public static RbacFilterConfig ShadowDeny(params RbacPolicyConfig[] policies)
        => new("shadow", Rules: null, ShadowRules: new RbacConfig { Action = RbacAction.Deny, Policies = [.. policies] });

    public static RbacPolicyConfig Policy(string name, PermissionConfig permission, PrincipalConfig principal)
        => new() { Name = name, Permissions = [permission], Principals = [principal] };

    public static PrincipalConfig Principal(string serviceAccount, string namespaceName = "shop")
        => new PrincipalConfig.Authenticated(StringMatcher.Exact($"spiffe://mesh.local/ns/{namespaceName}/sa/{serviceAccount}"));

    public static PrincipalConfig Namespace(string name) => new PrincipalConfig.Authenticated(StringMatcher.Regex($".*/ns/{name}/.*"));

    public static PermissionConfig Path(string path) => new PermissionConfig.UrlPath(StringMatcher.Exact(path));

    public static PermissionConfig PathPrefix(string prefix) => new PermissionConfig.UrlPath(StringMatcher.Prefix(prefix));

    public static PermissionConfig Method(string method) => new PermissionConfig.Header(new HeaderMatcher { Name = ":method", Value = StringMatcher.Exact(method) });

    public static PermissionConfig Not(PermissionConfig permission) => new PermissionConfig.Not(permission);

    public static PrincipalConfig Not(PrincipalConfig principal) => new PrincipalConfig.Not(principal);

    private static RbacFilterConfig Filter(string name, RbacAction action, RbacPolicyConfig[] policies)
        => new(name, new RbacConfig { Action = action, Policies = [.. policies.OrderBy(static policy => policy.Name, StringComparer.Ordinal)] }, ShadowRules: null);

    private static FilterChainConfig Tls(RbacFilterConfig[] filters)
        => new() { Transport = TransportProtocol.Tls, Tls = new DownstreamTlsConfig { IdentityProvider = "default", RootProvider = "default", RequireClientCertificate = true }, Http = Http(filters) };

    private static FilterChainConfig Plaintext(RbacFilterConfig[] filters)
        => new() { Transport = TransportProtocol.RawBuffer, Http = Http(filters) };

    /// <summary>A route for everything, as the control plane makes it.</summary>
    public static RouteRuleConfig RouteAll { get; } = new() { Match = new RequestMatcher { Path = PathMatcher.Prefix("/") }, Action = new NonForwardingActionConfig() };

    /// <summary>The same config with more filters, behind authorization.</summary>
    public static InboundConfig WithFilters(this InboundConfig config, params HttpFilterConfig[] filters) => config with
    {
        Listener = config.Listener with
        {
            FilterChains = [.. config.Listener.FilterChains.Select(chain => chain with { Http = chain.Http with { Filters = [.. chain.Http.Filters[..^1], .. filters, chain.Http.Filters[^1]] } })],
        },
    };

    /// <summary>The same config with other routes.</summary>
    public static InboundConfig WithRoutes(this InboundConfig config, params VirtualHostConfig[] hosts) => config with
    {
        Listener = config.Listener with
        {
            FilterChains = [.. config.Listener.FilterChains.Select(chain => chain with { Http = chain.Http with { InlineRoutes = new RouteConfig { Name = "inbound", VirtualHosts = [.. hosts] } } })],
        },
    };

    public static VirtualHostConfig Host(string domain, params RouteRuleConfig[] routes) => new() { Name = domain, Domains = [domain], Routes = [.. routes] };

    private static HttpConnectionConfig Http(RbacFilterConfig[] filters) => new()
    {
        Filters = [.. filters, new RouterFilterConfig("router")],
        InlineRoutes = new RouteConfig { Name = "inbound", VirtualHosts = [Host("*", RouteAll)] },
    };

    private static InboundConfig Inbound(ImmutableArray<FilterChainConfig> chains)
        => new() { Name = "inbound", Listener = new ListenerConfig { Name = "inbound", FilterChains = chains } };
}
