using Envoy.Config.Core.V3;
using Envoy.Config.Route.V3;
using Envoy.Extensions.Filters.Http.JwtAuthn.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Xds.Tests.Resources;

public sealed class JwtDecoderTests
{
    private const string Keys = """{"keys":[]}""";

    private static readonly Dictionary<string, (string Part, Action<JwtAuthentication> Change)> Unenforceable = new()
    {
        ["remote keys"] = ("remote_jwks", static filter => filter.Providers["p"].RemoteJwks = new RemoteJwks { HttpUri = new HttpUri { Uri = "https://a" } }),
        ["no keys"] = ("local_jwks is missing", static filter => filter.Providers["p"].ClearJwksSourceSpecifier()),
        ["keys that are no JSON"] = ("must be a JWK Set", static filter => filter.Providers["p"].LocalJwks = new DataSource { InlineString = "secret" }),
        ["keys that are a list"] = ("must be a JWK Set", static filter => filter.Providers["p"].LocalJwks = new DataSource { InlineString = "[]" }),
        ["keys in a file"] = ("inline_string or inline_bytes", static filter => filter.Providers["p"].LocalJwks = new DataSource { Filename = "/etc/keys" }),
        ["keys without end"] = ("1 MiB", static filter => filter.Providers["p"].LocalJwks = new DataSource { InlineString = new string(' ', 2_000_000) }),
        ["header in metadata"] = ("header_in_metadata", static filter => filter.Providers["p"].HeaderInMetadata = "h"),
        ["status in metadata"] = ("failed_status_in_metadata", static filter => filter.Providers["p"].FailedStatusInMetadata = "f"),
        ["another route"] = ("clear_route_cache", static filter => filter.Providers["p"].ClearRouteCache = true),
        ["a header name with a blank"] = ("from_headers[0].name", static filter => filter.Providers["p"].FromHeaders.Add(new JwtHeader { Name = "a b" })),
        ["the host header"] = ("forward_payload_header", static filter => filter.Providers["p"].ForwardPayloadHeader = "host"),
        ["a claim without a name"] = ("claim_to_headers[0].claim_name", static filter => filter.Providers["p"].ClaimToHeaders.Add(new JwtClaimToHeader { HeaderName = "a" })),
        ["an unknown provider"] = ("must be one of providers", static filter => filter.Rules[0].Requires = new JwtRequirement { ProviderName = "q" }),
        ["an unknown requirement"] = ("must be one of requirement_map", static filter => filter.Rules[0] = new RequirementRule { Match = new RouteMatch { Prefix = "/" }, RequirementName = "r" }),
        ["a list of none"] = ("two or more", static filter => filter.Rules[0].Requires = new JwtRequirement { RequiresAll = new JwtRequirementAndList() }),
        ["an empty requirement"] = ("is empty", static filter => filter.Rules[0].Requires.RequiresAny.Requirements[1] = new JwtRequirement()),
        ["no match"] = ("match is missing", static filter => filter.Rules[0].Match = null),
        ["too deep a tree"] = ("more than 16 deep", static filter => filter.Rules[0].Requires = Deep(40)),
        ["an unknown field"] = ("does not know", static filter => filter.MergeFrom(new CodedInputStream([0x1A, 0x02, 0x0A, 0x00]))),
    };

    public static TheoryData<string> UnenforceableNames => [.. Unenforceable.Keys];

    [Fact]
    public void What_istiod_writes_is_decoded_whole()
    {
        var config = Decode(Filter(static provider =>
        {
            provider.Audiences.Add("a");
            provider.FromHeaders.Add(new JwtHeader { Name = "x-token", ValuePrefix = "Token " });
            provider.FromParams.Add("token");
            provider.FromCookies.Add("session");
            provider.Forward = true;
            provider.ForwardPayloadHeader = "x-user";
            provider.PayloadInMetadata = "payload";
            provider.NormalizePayloadInMetadata = new JwtProvider.Types.NormalizePayload { SpaceDelimitedClaims = { "scope" } };
            provider.ClaimToHeaders.Add(new JwtClaimToHeader { HeaderName = "x-sub", ClaimName = "sub" });
            provider.ClockSkewSeconds = 5;
            provider.MaxLifetime = Duration.FromTimeSpan(TimeSpan.FromHours(1));
        }));

        var provider = config.Providers["p"];
        Assert.Equal(("i", Keys, true, "x-user", "payload"), (provider.Issuer, provider.KeySet, provider.Forward, provider.PayloadHeader, provider.PayloadInMetadata));
        Assert.Equal([new JwtHeaderConfig("x-token", "Token ")], provider.FromHeaders);
        Assert.Equal([new JwtClaimHeaderConfig("x-sub", "sub")], provider.ClaimHeaders);
        Assert.Equal((TimeSpan.FromSeconds(5), TimeSpan.FromHours(1)), (provider.ClockSkew, provider.MaxLifetime));
        Assert.Equal(["a", "token", "session", "scope"], [.. provider.Audiences, .. provider.FromParams, .. provider.FromCookies, .. provider.SpaceDelimitedClaims]);
        var any = Assert.IsType<JwtRequirementConfig.Any>(Assert.Single(config.Rules).Requires);
        Assert.Equal("p", Assert.IsType<JwtRequirementConfig.Provider>(any.Of[0]).Name);
        Assert.IsType<JwtRequirementConfig.AllowMissing>(any.Of[1]);
        Assert.True(config.BypassCorsPreflight);
    }

    [Fact]
    public void Clocks_may_differ_by_a_minute_where_nothing_is_said()
        => Assert.Equal(TimeSpan.FromSeconds(60), Decode(Filter()).Providers["p"].ClockSkew);

    [Fact]
    public void Requirements_may_be_named()
    {
        var filter = Filter();
        filter.RequirementMap.Add("token", new JwtRequirement { ProviderName = "p" });
        filter.Rules[0] = new RequirementRule { Match = new RouteMatch { Prefix = "/" }, RequirementName = "token" };

        Assert.IsType<JwtRequirementConfig.Provider>(Decode(filter).Rules[0].Requires);
    }

    [Theory]
    [MemberData(nameof(UnenforceableNames))]
    public void What_could_not_be_enforced_is_refused_with_its_place(string what)
    {
        var (part, change) = Unenforceable[what];
        var filter = Filter();
        change(filter);
        var errors = new DecodeErrors();

        _ = JwtDecoder.Decode(filter, errors);

        Assert.Contains(part, errors.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", errors.ToString(), StringComparison.Ordinal);
    }

    private static JwtRequirement Deep(int depth)
        => depth == 0
            ? new JwtRequirement { ProviderName = "p" }
            : new JwtRequirement { RequiresAny = new JwtRequirementOrList { Requirements = { Deep(depth - 1), new JwtRequirement { AllowMissing = new Empty() } } } };

    private static JwtAuthentication Filter(Action<JwtProvider>? change = null)
    {
        var provider = new JwtProvider { Issuer = "i", LocalJwks = new DataSource { InlineString = Keys } };
        change?.Invoke(provider);
        return new JwtAuthentication
        {
            Providers = { ["p"] = provider },
            Rules = { new RequirementRule { Match = new RouteMatch { Prefix = "/" }, Requires = Deep(1) } },
            BypassCorsPreflight = true,
        };
    }

    private static JwtConfig Decode(JwtAuthentication wire)
    {
        var errors = new DecodeErrors();
        var config = JwtDecoder.Decode(wire, errors);
        Assert.True(errors.IsEmpty, errors.ToString());
        return config;
    }
}
