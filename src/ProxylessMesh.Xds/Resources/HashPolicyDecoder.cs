using System.Collections.Immutable;
using HashPolicy = Envoy.Config.Route.V3.RouteAction.Types.HashPolicy;

namespace ProxylessMesh.Xds.Resources;

/// <summary>What the hash of a call is made of (gRFC A42). A kind of policy that this version does not know gives no result, as A42 asks.</summary>
internal static class HashPolicyDecoder
{
    // The one filter state that a client has (A42).
    private const string ChannelId = "io.grpc.channel_id";

    public static ImmutableArray<HashPolicyConfig> Decode(IReadOnlyList<HashPolicy> wire, DecodeErrors errors)
    {
        if (wire.Count == 0)
        {
            return [];
        }

        var policies = ImmutableArray.CreateBuilder<HashPolicyConfig>(wire.Count);
        for (var i = 0; i < wire.Count; i++)
        {
            using (errors.In("hash_policy", i))
            {
                if (Policy(wire[i], errors) is { } policy)
                {
                    policies.Add(policy);
                }
            }
        }

        return policies.ToImmutable();
    }

    private static HashPolicyConfig? Policy(HashPolicy wire, DecodeErrors errors)
    {
        switch (wire.PolicySpecifierCase)
        {
            case HashPolicy.PolicySpecifierOneofCase.Header:
                return Named(HashPolicyKind.Header, wire.Header.HeaderName.ToLowerInvariant(), "header.header_name", wire.Terminal, errors) is { } header
                    ? header with { HeaderRewrite = wire.Header.RegexRewrite is { } rewrite ? RewriteDecoder.Regex(rewrite, "header.regex_rewrite", errors) : null }
                    : null;
            case HashPolicy.PolicySpecifierOneofCase.Cookie:
                return Named(HashPolicyKind.Cookie, wire.Cookie.Name, "cookie.name", wire.Terminal, errors) is { } cookie
                    ? cookie with { CookieTtl = ValueDecoder.Duration(wire.Cookie.Ttl, "cookie.ttl", errors), CookiePath = CookiePath(wire.Cookie.Path, errors) }
                    : null;
            case HashPolicy.PolicySpecifierOneofCase.QueryParameter:
                return Named(HashPolicyKind.QueryParameter, wire.QueryParameter.Name, "query_parameter.name", wire.Terminal, errors);
            case HashPolicy.PolicySpecifierOneofCase.ConnectionProperties when wire.ConnectionProperties.SourceIp:
                return new HashPolicyConfig(HashPolicyKind.SourceIp, "", wire.Terminal);
            case HashPolicy.PolicySpecifierOneofCase.FilterState when wire.FilterState.Key == ChannelId:
                return new HashPolicyConfig(HashPolicyKind.Channel, "", wire.Terminal);
            default:
                return null;
        }
    }

    private static HashPolicyConfig? Named(HashPolicyKind kind, string name, string field, bool terminal, DecodeErrors errors)
    {
        if (name.Length == 0)
        {
            errors.AddMissing(field);
            return null;
        }

        return new HashPolicyConfig(kind, name, terminal);
    }

    private static string CookiePath(string path, DecodeErrors errors)
    {
        if (path.AsSpan().ContainsAny(';', '\r', '\n'))
        {
            errors.Add("cookie.path", path, "must be a path on one line, without ';'");
        }

        return path;
    }
}
