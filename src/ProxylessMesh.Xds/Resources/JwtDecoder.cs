using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text.Json;
using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Http.JwtAuthn.V3;
using Google.Protobuf.Collections;

namespace ProxylessMesh.Xds.Resources;

/// <summary>Envoy's <c>jwt_authn</c>. What would change who gets in and is not carried out is refused.</summary>
internal static class JwtDecoder
{
    // Deeper trees than anybody writes; they are walked by recursion.
    private const int MaxDepth = 16;

    private const int MaxKeySetLength = 1024 * 1024;

    public static JwtConfig Decode(JwtAuthentication wire, DecodeErrors errors)
    {
        if (ValueDecoder.HasUnknownFields(wire, JwtAuthentication.Parser))
        {
            errors.Add("has a field that this version does not know (filter state rules, or newer); it cannot be enforced, so it is refused");
        }

        var providers = new Dictionary<string, JwtProviderConfig>(StringComparer.Ordinal);
        foreach (var (name, provider) in wire.Providers)
        {
            using (errors.In("providers", name))
            {
                providers.Add(name, Provider(provider, errors));
            }
        }

        return new JwtConfig
        {
            Providers = providers.ToFrozenDictionary(StringComparer.Ordinal),
            Rules = Rules(wire, errors),
            BypassCorsPreflight = wire.BypassCorsPreflight,
            StripFailureResponse = wire.StripFailureResponse,
        };
    }

    private static JwtProviderConfig Provider(JwtProvider wire, DecodeErrors errors)
    {
        Refuse("header_in_metadata", wire.HeaderInMetadata.Length > 0, errors);
        Refuse("failed_status_in_metadata", wire.FailedStatusInMetadata.Length > 0, errors);
        Refuse("clear_route_cache", wire.ClearRouteCache, errors);
        var config = new JwtProviderConfig
        {
            Issuer = wire.Issuer,
            Audiences = [.. wire.Audiences],
            Subjects = wire.Subjects is null ? null : MatcherDecoder.String(wire.Subjects, "subjects", errors),
            RequireExpiration = wire.RequireExpiration,
            MaxLifetime = ValueDecoder.PositiveDuration(wire.MaxLifetime, "max_lifetime", errors),
            KeySet = KeySet(wire, errors),
            FromHeaders = Headers(wire.FromHeaders, errors),
            FromParams = [.. wire.FromParams],
            FromCookies = [.. wire.FromCookies],
            Forward = wire.Forward,
            PayloadHeader = wire.ForwardPayloadHeader.Length > 0 ? Header(wire.ForwardPayloadHeader, "forward_payload_header", errors) : null,
            PadPayloadHeader = wire.PadForwardPayloadHeader,
            PayloadInMetadata = wire.PayloadInMetadata.Length > 0 ? wire.PayloadInMetadata : null,
            SpaceDelimitedClaims = [.. wire.NormalizePayloadInMetadata?.SpaceDelimitedClaims ?? []],
            ClaimHeaders = ClaimHeaders(wire.ClaimToHeaders, errors),
        };
        return wire.ClockSkewSeconds == 0 ? config : config with { ClockSkew = TimeSpan.FromSeconds(wire.ClockSkewSeconds) };
    }

    private static string KeySet(JwtProvider wire, DecodeErrors errors)
    {
        switch (wire.JwksSourceSpecifierCase)
        {
            case JwtProvider.JwksSourceSpecifierOneofCase.RemoteJwks:
                errors.Add("remote_jwks", wire.RemoteJwks.HttpUri?.Uri ?? "unset", "is not supported: the control plane fetches the keys and sends them as local_jwks, which is istiod's default too");
                return "";
            case JwtProvider.JwksSourceSpecifierOneofCase.LocalJwks:
                return KeySet(wire.LocalJwks, errors);
            default:
                errors.AddMissing("local_jwks");
                return "";
        }
    }

    private static string KeySet(DataSource source, DecodeErrors errors)
    {
        var text = source.SpecifierCase switch
        {
            DataSource.SpecifierOneofCase.InlineString => source.InlineString,
            DataSource.SpecifierOneofCase.InlineBytes => source.InlineBytes.ToStringUtf8(),
            _ => null,
        };
        if (text is null)
        {
            errors.Add("local_jwks", source.SpecifierCase, "must be inline_string or inline_bytes");
        }
        else if (text.Length > MaxKeySetLength)
        {
            errors.Add("local_jwks", $"{text.Length} characters", "must be 1 MiB at most");
        }
        else if (!IsKeySet(text))
        {
            // Without the value: whatever stands there instead of public keys is nobody's business.
            errors.Add("local_jwks", "(not shown)", "must be a JWK Set: {\"keys\": [ … ]}");
        }

        return text ?? "";
    }

    private static bool IsKeySet(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("keys", out var keys) && keys.ValueKind == JsonValueKind.Array;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static ImmutableArray<JwtHeaderConfig> Headers(RepeatedField<JwtHeader> wire, DecodeErrors errors)
    {
        var headers = ImmutableArray.CreateBuilder<JwtHeaderConfig>(wire.Count);
        for (var i = 0; i < wire.Count; i++)
        {
            headers.Add(new JwtHeaderConfig(Header(wire[i].Name, $"from_headers[{i}].name", errors), wire[i].ValuePrefix));
        }

        return headers.MoveToImmutable();
    }

    private static ImmutableArray<JwtClaimHeaderConfig> ClaimHeaders(RepeatedField<JwtClaimToHeader> wire, DecodeErrors errors)
    {
        var headers = ImmutableArray.CreateBuilder<JwtClaimHeaderConfig>(wire.Count);
        for (var i = 0; i < wire.Count; i++)
        {
            if (wire[i].ClaimName.Length == 0)
            {
                errors.AddMissing($"claim_to_headers[{i}].claim_name");
            }

            headers.Add(new JwtClaimHeaderConfig(Header(wire[i].HeaderName, $"claim_to_headers[{i}].header_name", errors), wire[i].ClaimName));
        }

        return headers.MoveToImmutable();
    }

    private static ImmutableArray<JwtRuleConfig> Rules(JwtAuthentication wire, DecodeErrors errors)
    {
        var rules = ImmutableArray.CreateBuilder<JwtRuleConfig>(wire.Rules.Count);
        for (var i = 0; i < wire.Rules.Count; i++)
        {
            using (errors.In("rules", i))
            {
                var rule = wire.Rules[i];
                if (rule.Match is null)
                {
                    errors.AddMissing("match");
                    continue;
                }

                var requirement = rule.Requires;
                if (rule.RequirementTypeCase == RequirementRule.RequirementTypeOneofCase.RequirementName && !wire.RequirementMap.TryGetValue(rule.RequirementName, out requirement))
                {
                    errors.Add("requirement_name", rule.RequirementName, "must be one of requirement_map");
                }

                if (RouteDecoder.Match(rule.Match, errors) is { } match)
                {
                    rules.Add(new JwtRuleConfig(match, requirement is null ? null : Requirement(requirement, wire.Providers, MaxDepth, errors)));
                }
            }
        }

        return rules.ToImmutable();
    }

    // A requirement without content asks for nothing, as in Envoy.
    private static JwtRequirementConfig? Requirement(JwtRequirement wire, MapField<string, JwtProvider> providers, int depth, DecodeErrors errors)
    {
        if (depth == 0)
        {
            errors.Add($"has requirements more than {MaxDepth} deep");
            return null;
        }

        switch (wire.RequiresTypeCase)
        {
            case JwtRequirement.RequiresTypeOneofCase.ProviderName:
                return Token(wire.ProviderName, [], providers, errors);
            case JwtRequirement.RequiresTypeOneofCase.ProviderAndAudiences:
                return Token(wire.ProviderAndAudiences.ProviderName, [.. wire.ProviderAndAudiences.Audiences], providers, errors);
            case JwtRequirement.RequiresTypeOneofCase.RequiresAny:
                return new JwtRequirementConfig.Any(List("requires_any", wire.RequiresAny.Requirements, providers, depth, errors));
            case JwtRequirement.RequiresTypeOneofCase.RequiresAll:
                return new JwtRequirementConfig.All(List("requires_all", wire.RequiresAll.Requirements, providers, depth, errors));
            case JwtRequirement.RequiresTypeOneofCase.AllowMissing:
                return new JwtRequirementConfig.AllowMissing();
            case JwtRequirement.RequiresTypeOneofCase.AllowMissingOrFailed:
                return new JwtRequirementConfig.AllowMissingOrFailed();
            default:
                return null;
        }
    }

    private static JwtRequirementConfig.Provider Token(string name, ImmutableArray<string> audiences, MapField<string, JwtProvider> providers, DecodeErrors errors)
    {
        if (!providers.ContainsKey(name))
        {
            errors.Add("provider_name", name, "must be one of providers");
        }

        return new JwtRequirementConfig.Provider(name, audiences);
    }

    private static ImmutableArray<JwtRequirementConfig> List(string field, RepeatedField<JwtRequirement> wire, MapField<string, JwtProvider> providers, int depth, DecodeErrors errors)
    {
        if (wire.Count < 2)
        {
            errors.Add(field + ".requirements", wire.Count, "must be two or more");
        }

        var requirements = ImmutableArray.CreateBuilder<JwtRequirementConfig>(wire.Count);
        for (var i = 0; i < wire.Count; i++)
        {
            using (errors.In(field + ".requirements", i))
            {
                if (Requirement(wire[i], providers, depth - 1, errors) is { } requirement)
                {
                    requirements.Add(requirement);
                }
                else if (wire[i].RequiresTypeCase == JwtRequirement.RequiresTypeOneofCase.None)
                {
                    // In Envoy it would ask for nothing, so that the list asked for nothing: nobody writes that on purpose.
                    errors.Add("is empty");
                }
            }
        }

        return requirements.ToImmutable();
    }

    private static string Header(string name, string field, DecodeErrors errors)
    {
        HeaderOperationsDecoder.CheckName(name, field, errors);
        return name;
    }

    private static void Refuse(string field, bool isSet, DecodeErrors errors)
    {
        if (isSet)
        {
            errors.Add(field, "set", "is not supported by this version; leave it out");
        }
    }
}
