using Envoy.Config.Rbac.V3;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>Who carries a rule out, and so what may be asked in it.</summary>
internal enum RuleAudience
{
    /// <summary>Servers of ours: everything.</summary>
    Mesh,

    /// <summary>gRPC servers (gRFC A41): they know no end user's token and nothing of proxies before them.</summary>
    Grpc,

    /// <summary>A connection without HTTP: addresses, ports, identities.</summary>
    Tcp,
}

/// <summary>
/// One rule while it is translated. What its audience cannot be asked makes an ALLOW rule useless, and any other wider, as in Istio: a
/// policy that cannot be evaluated never lets more in.
/// </summary>
internal sealed class RuleScope(AuthorizationAction action, RuleAudience audience, TrustDomainNames trustDomains, int trustedProxies)
{
    public TrustDomainNames TrustDomains { get; } = trustDomains;

    /// <summary>An ALLOW rule asks what its audience cannot know: it lets nobody in.</summary>
    public bool IsUseless { get; private set; }

    public bool KnowsHttp => audience != RuleAudience.Tcp;

    public bool KnowsTokens => audience == RuleAudience.Mesh;

    public bool KnowsTemplates => audience == RuleAudience.Mesh;

    public bool KnowsCallerAddress => audience == RuleAudience.Mesh || trustedProxies == 0;

    /// <summary>What filters wrote about the request.</summary>
    public bool KnowsMetadata => audience == RuleAudience.Mesh;

    /// <summary>One of the values, and none of the others, added to what must hold. A translation is null where the audience cannot be asked.</summary>
    public void Add<TValue, TPart>(ICollection<TPart> parts, IReadOnlyCollection<TValue> values, IReadOnlyCollection<TValue> notValues, Func<TValue, TPart?> translate, Func<IEnumerable<TPart>, TPart> anyOf, Func<TPart, TPart> not)
        where TPart : class
    {
        var wanted = values.Select(translate).ToList();
        var unwanted = notValues.Select(translate).ToList();
        if (action == AuthorizationAction.Allow && (wanted.Contains(null) || unwanted.Contains(null)))
        {
            IsUseless = true;
            return;
        }

        // One value that cannot be asked could be the one that holds.
        if (wanted.Count > 0 && !wanted.Contains(null))
        {
            parts.Add(anyOf(wanted!));
        }

        if (unwanted.OfType<TPart>().ToList() is { Count: > 0 } known)
        {
            parts.Add(not(anyOf(known)));
        }
    }

    public void Add<TValue>(Permission.Types.Set rules, IReadOnlyCollection<TValue> values, IReadOnlyCollection<TValue> notValues, Func<TValue, Permission?> translate)
        => Add(
            rules.Rules, values, notValues, translate,
            static any => new Permission { OrRules = new Permission.Types.Set { Rules = { any } } }, static rule => new Permission { NotRule = rule });

    public void Add<TValue>(Principal.Types.Set ids, IReadOnlyCollection<TValue> values, IReadOnlyCollection<TValue> notValues, Func<TValue, Principal?> translate)
        => Add(
            ids.Ids, values, notValues, translate,
            static any => new Principal { OrIds = new Principal.Types.Set { Ids = { any } } }, static id => new Principal { NotId = id });
}
