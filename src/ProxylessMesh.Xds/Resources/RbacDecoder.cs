using System.Collections.Immutable;
using System.Net;
using Envoy.Config.Core.V3;
using Envoy.Config.Rbac.V3;
using Envoy.Extensions.Path.Match.UriTemplate.V3;
using ProxylessMesh.Xds.Matching;
using StringMatcher = ProxylessMesh.Xds.Matching.StringMatcher;
using WireHeader = Envoy.Config.Route.V3.HeaderMatcher;
using WirePath = Envoy.Type.Matcher.V3.PathMatcher;

namespace ProxylessMesh.Xds.Resources;

/// <summary>
/// RBAC trees (gRFC A41). What is not understood is refused, never skipped: a condition that is ignored would let in
/// callers that the policy keeps out.
/// </summary>
internal static class RbacDecoder
{
    // A tree is walked for each request; protobuf itself stops at a nesting of 100 messages.
    private const int MaxNodes = 20_000;

    // Envoy's limit.
    private const int MaxTemplateLength = 256;
    private const string TemplateType = "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig";

    private static readonly PermissionConfig NoPermission = new PermissionConfig.Not(new PermissionConfig.Any());
    private static readonly PrincipalConfig NoPrincipal = new PrincipalConfig.Not(new PrincipalConfig.Any());

    /// <summary>Null for no rules.</summary>
    /// <param name="rules">As they came.</param>
    /// <param name="errors">Takes what is wrong with them.</param>
    /// <param name="knowsLogger">Audit loggers of this process besides gRPC's own (A59), by their types.</param>
    public static RbacConfig? Decode(RBAC? rules, DecodeErrors errors, Func<Google.Protobuf.WellKnownTypes.Any, bool>? knowsLogger = null)
    {
        if (rules is null)
        {
            return null;
        }

        if (rules.Action is not (RBAC.Types.Action.Allow or RBAC.Types.Action.Deny or RBAC.Types.Action.Log))
        {
            errors.Add("action", (int)rules.Action, "must be ALLOW, DENY or LOG");
        }

        if (ValueDecoder.HasUnknownFields(rules, RBAC.Parser))
        {
            errors.Add("has a field that this version does not know (a CEL condition, or newer); it cannot be enforced, so it is refused");
        }

        var budget = MaxNodes;
        var policies = ImmutableArray.CreateBuilder<RbacPolicyConfig>();
        foreach (var (name, policy) in rules.Policies.OrderBy(static policy => policy.Key, StringComparer.Ordinal))
        {
            using (errors.In("policies", name))
            {
                policies.Add(Policy(name, policy, ref budget, errors));
            }
        }

        if (budget < 0)
        {
            errors.Add($"has more than {MaxNodes} permissions and principals");
        }

        return new RbacConfig
        {
            Action = rules.Action switch
            {
                RBAC.Types.Action.Deny => RbacAction.Deny,
                RBAC.Types.Action.Log => RbacAction.Log,
                _ => RbacAction.Allow,
            },
            AuditsAllowed = AuditDecoder.AuditsAllowed(rules.AuditLoggingOptions, errors, knowsLogger),
            Policies = policies.ToImmutable(),
        };
    }

    private static RbacPolicyConfig Policy(string name, Policy policy, ref int budget, DecodeErrors errors)
    {
        if (policy.Permissions.Count == 0)
        {
            errors.AddMissing("permissions");
        }

        if (policy.Principals.Count == 0)
        {
            errors.AddMissing("principals");
        }

        return new RbacPolicyConfig
        {
            Name = name,
            Permissions = Permissions(policy.Permissions, "permissions", ref budget, errors),
            Principals = Principals(policy.Principals, "principals", ref budget, errors),
        };
    }

    private static ImmutableArray<PermissionConfig> Permissions(IReadOnlyList<Permission> rules, string field, ref int budget, DecodeErrors errors)
    {
        var all = ImmutableArray.CreateBuilder<PermissionConfig>(rules.Count);
        for (var i = 0; i < rules.Count && --budget >= 0; i++)
        {
            using (errors.In(field, i))
            {
                all.Add(Permission(rules[i], ref budget, errors) ?? NoPermission);
            }
        }

        return all.ToImmutable();
    }

    private static ImmutableArray<PrincipalConfig> Principals(IReadOnlyList<Principal> ids, string field, ref int budget, DecodeErrors errors)
    {
        var all = ImmutableArray.CreateBuilder<PrincipalConfig>(ids.Count);
        for (var i = 0; i < ids.Count && --budget >= 0; i++)
        {
            using (errors.In(field, i))
            {
                all.Add(Principal(ids[i], ref budget, errors) ?? NoPrincipal);
            }
        }

        return all.ToImmutable();
    }

    private static PermissionConfig? Permission(Permission rule, ref int budget, DecodeErrors errors)
    {
        switch (rule.RuleCase)
        {
            case Envoy.Config.Rbac.V3.Permission.RuleOneofCase.AndRules:
                return new PermissionConfig.All(Permissions(NotEmpty(rule.AndRules.Rules, "and_rules.rules", errors), "and_rules.rules", ref budget, errors));
            case Envoy.Config.Rbac.V3.Permission.RuleOneofCase.OrRules:
                return new PermissionConfig.One(Permissions(NotEmpty(rule.OrRules.Rules, "or_rules.rules", errors), "or_rules.rules", ref budget, errors));
            case Envoy.Config.Rbac.V3.Permission.RuleOneofCase.NotRule:
                using (errors.In("not_rule"))
                {
                    return Permission(rule.NotRule, ref budget, errors) is { } inner ? new PermissionConfig.Not(inner) : null;
                }

            case Envoy.Config.Rbac.V3.Permission.RuleOneofCase.Any:
                return MustBeTrue(rule.Any, errors) ? new PermissionConfig.Any() : null;
            case Envoy.Config.Rbac.V3.Permission.RuleOneofCase.Header:
                return Header(rule.Header, errors) is { } header ? new PermissionConfig.Header(header) : null;
            case Envoy.Config.Rbac.V3.Permission.RuleOneofCase.UrlPath:
                return UrlPath(rule.UrlPath, errors) is { } path ? new PermissionConfig.UrlPath(path) : null;
            case Envoy.Config.Rbac.V3.Permission.RuleOneofCase.DestinationIp:
                return Network(rule.DestinationIp, "destination_ip", errors) is { } network ? new PermissionConfig.DestinationAddress(network) : null;
            case Envoy.Config.Rbac.V3.Permission.RuleOneofCase.DestinationPort:
                return Ports(rule.DestinationPort, rule.DestinationPort + 1L, "destination_port", errors);
            case Envoy.Config.Rbac.V3.Permission.RuleOneofCase.DestinationPortRange:
                return Ports(rule.DestinationPortRange.Start, rule.DestinationPortRange.End, "destination_port_range", errors);
            case Envoy.Config.Rbac.V3.Permission.RuleOneofCase.Metadata:
                // A41: what names nothing never matches, and its inversion always does.
                return MetadataDecoder.Decode(rule.Metadata, errors) is { } metadata
                    ? new PermissionConfig.Metadata(metadata)
                    : rule.Metadata.Invert ? new PermissionConfig.Any() : NoPermission;
            case Envoy.Config.Rbac.V3.Permission.RuleOneofCase.UriTemplate:
                return Template(rule.UriTemplate, errors) is { } template ? new PermissionConfig.PathTemplate(template) : null;
            case Envoy.Config.Rbac.V3.Permission.RuleOneofCase.RequestedServerName:
                return MatcherDecoder.String(rule.RequestedServerName, "requested_server_name", errors) is { } name
                    ? new PermissionConfig.RequestedServerName(name)
                    : null;
            default:
                errors.Add("has no rule that this version knows");
                return null;
        }
    }

    private static PrincipalConfig? Principal(Principal id, ref int budget, DecodeErrors errors)
    {
        switch (id.IdentifierCase)
        {
            case Envoy.Config.Rbac.V3.Principal.IdentifierOneofCase.AndIds:
                return new PrincipalConfig.All(Principals(NotEmpty(id.AndIds.Ids, "and_ids.ids", errors), "and_ids.ids", ref budget, errors));
            case Envoy.Config.Rbac.V3.Principal.IdentifierOneofCase.OrIds:
                return new PrincipalConfig.One(Principals(NotEmpty(id.OrIds.Ids, "or_ids.ids", errors), "or_ids.ids", ref budget, errors));
            case Envoy.Config.Rbac.V3.Principal.IdentifierOneofCase.NotId:
                using (errors.In("not_id"))
                {
                    return Principal(id.NotId, ref budget, errors) is { } inner ? new PrincipalConfig.Not(inner) : null;
                }

            case Envoy.Config.Rbac.V3.Principal.IdentifierOneofCase.Any:
                return MustBeTrue(id.Any, errors) ? new PrincipalConfig.Any() : null;
            case Envoy.Config.Rbac.V3.Principal.IdentifierOneofCase.Authenticated:
                return Authenticated(id.Authenticated, errors);
            case Envoy.Config.Rbac.V3.Principal.IdentifierOneofCase.SourceIp:
                return Network(id.SourceIp, "source_ip", errors) is { } source ? new PrincipalConfig.DirectAddress(source) : null;
            case Envoy.Config.Rbac.V3.Principal.IdentifierOneofCase.DirectRemoteIp:
                return Network(id.DirectRemoteIp, "direct_remote_ip", errors) is { } direct ? new PrincipalConfig.DirectAddress(direct) : null;
            case Envoy.Config.Rbac.V3.Principal.IdentifierOneofCase.RemoteIp:
                return Network(id.RemoteIp, "remote_ip", errors) is { } remote ? new PrincipalConfig.RemoteAddress(remote) : null;
            case Envoy.Config.Rbac.V3.Principal.IdentifierOneofCase.Header:
                return Header(id.Header, errors) is { } header ? new PrincipalConfig.Header(header) : null;
            case Envoy.Config.Rbac.V3.Principal.IdentifierOneofCase.UrlPath:
                return UrlPath(id.UrlPath, errors) is { } path ? new PrincipalConfig.UrlPath(path) : null;
            case Envoy.Config.Rbac.V3.Principal.IdentifierOneofCase.Metadata:
                return MetadataDecoder.Decode(id.Metadata, errors) is { } metadata
                    ? new PrincipalConfig.Metadata(metadata)
                    : id.Metadata.Invert ? new PrincipalConfig.Any() : NoPrincipal;
            default:
                errors.Add("has no identifier that this version knows");
                return null;
        }
    }

    private static PrincipalConfig.Authenticated? Authenticated(Principal.Types.Authenticated authenticated, DecodeErrors errors)
    {
        if (authenticated.PrincipalName is null)
        {
            return new PrincipalConfig.Authenticated(null);
        }

        var name = MatcherDecoder.String(authenticated.PrincipalName, "authenticated.principal_name", errors);
        return name is null ? null : new PrincipalConfig.Authenticated(name);
    }

    private static UriTemplate? Template(TypedExtensionConfig wire, DecodeErrors errors)
    {
        using (errors.In("uri_template"))
        {
            if (wire.TypedConfig?.TypeUrl != TemplateType)
            {
                errors.Add("type_url", wire.TypedConfig?.TypeUrl ?? "unset", "must be a UriTemplateMatchConfig");
                return null;
            }

            if (ValueDecoder.Unpack(wire.TypedConfig, UriTemplateMatchConfig.Parser, errors) is not { } config)
            {
                return null;
            }

            if (config.PathTemplate.Length is 0 or > MaxTemplateLength)
            {
                errors.Add("path_template", config.PathTemplate, $"must have 1 to {MaxTemplateLength} characters");
                return null;
            }

            if (!UriTemplate.TryParse(config.PathTemplate, ofDecodedPaths: true, out var template, out var mistake))
            {
                errors.Add("path_template", config.PathTemplate, mistake);
            }

            return template;
        }
    }

    private static HeaderMatcher? Header(WireHeader wire, DecodeErrors errors)
    {
        using (errors.In("header"))
        {
            if (wire.Name.StartsWith("grpc-", StringComparison.OrdinalIgnoreCase) || wire.Name.Equals(":scheme", StringComparison.OrdinalIgnoreCase))
            {
                errors.Add("name", wire.Name, "cannot be used in RBAC (gRFC A41)");
                return null;
            }

            // A41: ":authority" and "host" are the same, whichever a policy names.
            var header = MatcherDecoder.Header(wire, errors);
            return header is { Name: "host" } ? header with { Name = ":authority" } : header;
        }
    }

    private static StringMatcher? UrlPath(WirePath wire, DecodeErrors errors) => MatcherDecoder.String(wire.Path, "url_path.path", errors);

    private static IPNetwork? Network(CidrRange range, string field, DecodeErrors errors) => ValueDecoder.Network(range, field, errors);

    private static PermissionConfig.DestinationPorts? Ports(long start, long end, string field, DecodeErrors errors)
    {
        if (start < 0 || end > 65536 || end <= start)
        {
            errors.Add(field, $"{start} to {end}", "must be a range within 0 to 65535, its start below its end");
            return null;
        }

        return new PermissionConfig.DestinationPorts((int)start, (int)end);
    }

    private static bool MustBeTrue(bool any, DecodeErrors errors)
    {
        if (!any)
        {
            errors.Add("any", "false", "must be true");
        }

        return any;
    }

    private static IReadOnlyList<T> NotEmpty<T>(IReadOnlyList<T> list, string field, DecodeErrors errors)
    {
        if (list.Count == 0)
        {
            errors.AddMissing(field);
        }

        return list;
    }
}
