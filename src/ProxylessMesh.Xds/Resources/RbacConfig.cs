using System.Collections.Immutable;
using System.Net;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Xds.Resources;

/// <summary>A valid <c>envoy.config.rbac.v3.RBAC</c>: a request matches if one policy matches; ALLOW then lets it in, DENY keeps it out.</summary>
internal sealed record RbacConfig
{
    public RbacAction Action { get; init; }

    /// <summary>Calls that are let in are to be recorded each (<c>audit_logging_options</c>, gRFC A59).</summary>
    public bool AuditsAllowed { get; init; }

    /// <summary>Sorted by name, as Envoy evaluates them.</summary>
    public ImmutableArray<RbacPolicyConfig> Policies { get; init; } = [];
}

/// <summary>What a match means.</summary>
internal enum RbacAction
{
    Allow,
    Deny,

    /// <summary>It is recorded; nothing is decided (A41).</summary>
    Log,
}

/// <summary>Matches when one permission and one principal match.</summary>
internal sealed record RbacPolicyConfig
{
    public required string Name { get; init; }

    public required ImmutableArray<PermissionConfig> Permissions { get; init; }

    public required ImmutableArray<PrincipalConfig> Principals { get; init; }
}

/// <summary>What is asked for.</summary>
internal abstract record PermissionConfig
{
    internal sealed record Any : PermissionConfig;

    internal sealed record All(ImmutableArray<PermissionConfig> Of) : PermissionConfig;

    internal sealed record One(ImmutableArray<PermissionConfig> Of) : PermissionConfig;

    internal sealed record Not(PermissionConfig Of) : PermissionConfig;

    internal sealed record Header(HeaderMatcher Matcher) : PermissionConfig;

    /// <summary>The path without its query.</summary>
    internal sealed record UrlPath(StringMatcher Matcher) : PermissionConfig;

    internal sealed record DestinationAddress(IPNetwork Network) : PermissionConfig;

    /// <summary>From <see cref="Start"/> to <see cref="End"/>, the end not included.</summary>
    internal sealed record DestinationPorts(int Start, int End) : PermissionConfig;

    internal sealed record RequestedServerName(StringMatcher Matcher) : PermissionConfig;

    /// <summary>Envoy's <c>uri_template</c>; like <see cref="UrlPath"/> on the path that the application sees.</summary>
    internal sealed record PathTemplate(UriTemplate Template) : PermissionConfig;

    /// <summary>What a filter before wrote about the request.</summary>
    internal sealed record Metadata(MetadataMatcher Matcher) : PermissionConfig;
}

/// <summary>Who asks.</summary>
internal abstract record PrincipalConfig
{
    internal sealed record Any : PrincipalConfig;

    internal sealed record All(ImmutableArray<PrincipalConfig> Of) : PrincipalConfig;

    internal sealed record One(ImmutableArray<PrincipalConfig> Of) : PrincipalConfig;

    internal sealed record Not(PrincipalConfig Of) : PrincipalConfig;

    /// <summary>The peer proved an identity by mTLS; <see cref="Name"/> null: any. Matches URI SANs, then DNS SANs, then the subject (A41).</summary>
    internal sealed record Authenticated(StringMatcher? Name) : PrincipalConfig;

    /// <summary>The address of the connection (<c>direct_remote_ip</c>, <c>source_ip</c>).</summary>
    internal sealed record DirectAddress(IPNetwork Network) : PrincipalConfig;

    /// <summary>The address of the caller (<c>remote_ip</c>): the connection's own, or that of <c>x-forwarded-for</c> where hops are trusted.</summary>
    internal sealed record RemoteAddress(IPNetwork Network) : PrincipalConfig;

    internal sealed record Header(HeaderMatcher Matcher) : PrincipalConfig;

    internal sealed record UrlPath(StringMatcher Matcher) : PrincipalConfig;

    /// <summary>What a filter before wrote about the request.</summary>
    internal sealed record Metadata(MetadataMatcher Matcher) : PrincipalConfig;
}
