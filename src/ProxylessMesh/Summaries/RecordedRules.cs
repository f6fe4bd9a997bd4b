using System.Collections.Frozen;
using System.Collections.Immutable;
using ProxylessMesh.Rbac;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Summaries;

/// <summary>
/// Rewrites policies for calls of which only some facts are known: a condition on another fact becomes what is best or worst for the
/// caller. In a DENY policy it is best that the condition fails, in an ALLOW policy that it holds, and a negation turns it round.
/// </summary>
/// <remarks>
/// A policy that the change leaves as it is may depend on unknown facts too, but what happened to the call tells how that came out: the
/// policy that decided did match, and when the call was let in no DENY policy did.
/// </remarks>
internal sealed class RecordedRules(RecordedFacts facts, FrozenSet<string> changedPolicies, bool trustsForwardedFor)
{
    private readonly Dictionary<string, string> _missing = new(StringComparer.Ordinal);
    private string? _unknown;
    private bool _favourable;

    /// <summary>What each policy depends on that is not known; filled by rewriting.</summary>
    public IReadOnlyDictionary<string, string> Missing => _missing;

    public IEnumerable<HttpFilterConfig> Rewrite(ImmutableArray<HttpFilterConfig> filters, bool favourable)
        => filters.OfType<RbacFilterConfig>().SelectMany(filter => Rewrite(filter, favourable));

    private IEnumerable<HttpFilterConfig> Rewrite(RbacFilterConfig filter, bool favourable)
    {
        // An authorizer may let in what it is asked about, or deny it.
        if (!favourable && RbacCompiler.IsCustom(filter))
        {
            yield return filter with { Rules = Asked(filter.ShadowRules!), ShadowRules = null };
        }

        if (filter.Rules is { } rules)
        {
            yield return filter with { Rules = Rewrite(rules, favourable), ShadowRules = null };
        }
    }

    private RbacConfig Asked(RbacConfig asked)
    {
        var isKnown = facts.Outcome == CallOutcome.Allowed;
        var denies = Rewrite(asked with { Action = RbacAction.Deny, Policies = [.. asked.Policies.Where(policy => !isKnown || changedPolicies.Contains(policy.Name))] }, favourable: false);
        foreach (var policy in denies.Policies)
        {
            _missing[policy.Name] = "what the authorizer answers";
        }

        return denies;
    }

    private RbacConfig Rewrite(RbacConfig rules, bool favourable)
        => rules with { Policies = [.. rules.Policies.Select(policy => Rewrite(policy, rules.Action, favourable))] };

    private RbacPolicyConfig Rewrite(RbacPolicyConfig policy, RbacAction action, bool favourable)
    {
        _unknown = null;
        _favourable = favourable;
        var holds = favourable == (action == RbacAction.Allow);
        var rewritten = policy with
        {
            Permissions = [.. policy.Permissions.Select(permission => Rewrite(permission, holds))],
            Principals = [.. policy.Principals.Select(principal => Rewrite(principal, holds))],
        };
        if (_unknown is null)
        {
            return rewritten;
        }

        if (!changedPolicies.Contains(policy.Name) && facts.Outcome is CallOutcome.Allowed or CallOutcome.Denied)
        {
            if (policy.Name == facts.Policy)
            {
                return policy with { Permissions = [new PermissionConfig.Any()], Principals = [new PrincipalConfig.Any()] };
            }

            if (action == RbacAction.Deny && facts.Outcome == CallOutcome.Allowed)
            {
                return policy with { Permissions = [Permission(false)] };
            }
        }

        _missing[policy.Name] = _unknown;
        return rewritten;
    }

    private PermissionConfig Rewrite(PermissionConfig permission, bool holds) => permission switch
    {
        PermissionConfig.Any => permission,
        PermissionConfig.All all => new PermissionConfig.All([.. all.Of.Select(one => Rewrite(one, holds))]),
        PermissionConfig.One one => new PermissionConfig.One([.. one.Of.Select(one => Rewrite(one, holds))]),
        PermissionConfig.Not not => new PermissionConfig.Not(Rewrite(not.Of, !holds)),
        PermissionConfig.DestinationPorts => permission,
        PermissionConfig.Header header when IsKnown(header.Matcher.Name) => permission,
        PermissionConfig.Header header => Permission(Unknown(holds, NameOf(header.Matcher.Name))),
        PermissionConfig.UrlPath when facts.HasPath => permission,
        PermissionConfig.UrlPath path => Permission(OfPath(path.Matcher, holds)),
        PermissionConfig.PathTemplate when facts.HasPath => permission,
        PermissionConfig.PathTemplate => Permission(Unknown(holds, "the path")),
        PermissionConfig.Metadata => Permission(Unknown(holds, "the end user's token")),
        PermissionConfig.DestinationAddress when facts.HasLocalAddress => permission,
        PermissionConfig.DestinationAddress => Permission(Unknown(holds, "the address that was called")),
        PermissionConfig.RequestedServerName when facts.HasServerName => permission,
        PermissionConfig.RequestedServerName => Permission(Unknown(holds, "the name that the TLS handshake asked for")),
        _ => Permission(Unknown(holds, "what only the call itself carries")),
    };

    private PrincipalConfig Rewrite(PrincipalConfig principal, bool holds) => principal switch
    {
        PrincipalConfig.Any => principal,
        PrincipalConfig.All all => new PrincipalConfig.All([.. all.Of.Select(one => Rewrite(one, holds))]),
        PrincipalConfig.One one => new PrincipalConfig.One([.. one.Of.Select(one => Rewrite(one, holds))]),
        PrincipalConfig.Not not => new PrincipalConfig.Not(Rewrite(not.Of, !holds)),
        PrincipalConfig.Authenticated => principal,
        PrincipalConfig.Header header when IsKnown(header.Matcher.Name) => principal,
        PrincipalConfig.Header header => Principal(Unknown(holds, NameOf(header.Matcher.Name))),
        PrincipalConfig.UrlPath when facts.HasPath => principal,
        PrincipalConfig.UrlPath path => Principal(OfPath(path.Matcher, holds)),
        PrincipalConfig.Metadata => Principal(Unknown(holds, "the end user's token")),
        PrincipalConfig.DirectAddress when facts.HasRemoteAddress => principal,
        PrincipalConfig.RemoteAddress when facts.HasRemoteAddress && !trustsForwardedFor => principal,
        PrincipalConfig.DirectAddress or PrincipalConfig.RemoteAddress => Principal(Unknown(holds, "the caller's address")),
        _ => Principal(Unknown(holds, "what only the call itself carries")),
    };

    private static PermissionConfig Permission(bool matches) => matches ? new PermissionConfig.Any() : new PermissionConfig.Not(new PermissionConfig.Any());

    private static PrincipalConfig Principal(bool matches) => matches ? new PrincipalConfig.Any() : new PrincipalConfig.Not(new PrincipalConfig.Any());

    private bool Unknown(bool holds, string what)
    {
        _unknown = _unknown is null ? what : _unknown.Contains(what, StringComparison.Ordinal) ? _unknown : $"{_unknown}, {what}";
        return holds;
    }

    // Of many paths under one template only the beginning is known; often that is enough. Where a match keeps the caller out, every
    // spelling counts: what is folded differs by case and by a slash at the end (CallKey.Folded).
    private bool OfPath(StringMatcher matcher, bool holds)
    {
        if (facts.PathPrefix is not { } prefix)
        {
            return Unknown(holds, "the path");
        }

        var keepsOut = holds != _favourable;
        var all = matcher.OfAllWith(prefix);
        if (keepsOut && all == false)
        {
            var anyCase = matcher.IgnoringCase();
            all = anyCase.OfAllWith(prefix) == false && anyCase.OfAllWith(prefix.TrimEnd('/')) == false ? false : null;
        }

        return all ?? Unknown(holds, "the path");
    }

    private bool IsKnown(string header) => header switch
    {
        ":method" => facts.HasMethod,
        ":authority" => facts.HasHost,
        ":path" => facts.HasPath,
        _ => false,
    };

    private static string NameOf(string header) => header switch
    {
        ":method" => "the method",
        ":authority" => "the host",
        ":path" => "the path",
        _ => $"header {header}",
    };
}
