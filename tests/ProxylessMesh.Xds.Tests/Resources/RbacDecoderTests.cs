using System.Text.Json;
using Envoy.Config.Core.V3;
using Envoy.Config.Rbac.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Extensions.Path.Match.UriTemplate.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Xds.Client;
using ProxylessMesh.Xds.Resources;
using Slashes = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types.PathWithEscapedSlashesAction;

namespace ProxylessMesh.Xds.Tests.Resources;

public sealed class RbacDecoderTests
{
    private const string StandardOutput = "type.googleapis.com/envoy.extensions.rbac.audit_loggers.stream.v3.StdoutAuditLog";

    [Theory]
    [InlineData("""{ "stringMatch": { "exact": "a" } }""", "\"a\"", true)]
    [InlineData("""{ "stringMatch": { "exact": "a" } }""", "[\"a\"]", false)]
    [InlineData("""{ "stringMatch": { "exact": "1" } }""", "1", false)]
    [InlineData("""{ "listMatch": { "oneOf": { "stringMatch": { "prefix": "a" } } } }""", "[\"b\", \"ab\"]", true)]
    [InlineData("""{ "listMatch": { "oneOf": { "stringMatch": { "prefix": "a" } } } }""", "\"ab\"", false)]
    [InlineData("""{ "orMatch": { "valueMatchers": [{ "stringMatch": { "exact": "a" } }, { "boolMatch": true }] } }""", "true", true)]
    [InlineData("""{ "boolMatch": false }""", "false", true)]
    [InlineData("""{ "boolMatch": false }""", "true", false)]
    [InlineData("""{ "presentMatch": true }""", "{}", true)]
    [InlineData("""{ "presentMatch": true }""", "null", false)]
    [InlineData("""{ "nullMatch": {} }""", "null", true)]
    [InlineData("""{ "doubleMatch": { "exact": 1.5 } }""", "1.5", true)]
    [InlineData("""{ "doubleMatch": { "range": { "start": 1, "end": 2 } } }""", "1", true)]
    [InlineData("""{ "doubleMatch": { "range": { "start": 1, "end": 2 } } }""", "2", false)]
    public void Values_that_filters_wrote_are_compared_by_their_type(string matcher, string value, bool matches)
    {
        var metadata = Metadata(new MetadataMatcher { Filter = "f", Path = { Key("a"), Key("b") }, Value = Google.Protobuf.JsonParser.Default.Parse<ValueMatcher>(matcher) });
        var written = JsonDocument.Parse($$"""{ "a": { "b": {{value}} } }""").RootElement;

        Assert.Equal(matches, metadata.Matcher.Matches(written));
        Assert.Equal(!matches, (metadata.Matcher with { Invert = true }).Matches(written));
        Assert.False(metadata.Matcher.Matches(null));
        Assert.False(metadata.Matcher.Matches(JsonDocument.Parse("""{ "a": "b" }""").RootElement));
        Assert.True((metadata.Matcher with { Invert = true }).Matches(null));
    }

    [Fact]
    public void A_matcher_that_names_nothing_never_matches()
        => Assert.Equal(new PermissionConfig.Not(new PermissionConfig.Any()), Permission(new Permission { Metadata = new MetadataMatcher() }));

    [Theory]
    [InlineData("""{ "doubleMatch": {} }""", "double_match must be exact")]
    [InlineData("""{ "orMatch": { "valueMatchers": [{ "boolMatch": true }] } }""", "no match_pattern")]
    [InlineData("""{ "listMatch": {} }""", "no match_pattern")]
    [InlineData("""{ "stringMatch": {} }""", "must be exact, prefix")]
    [InlineData("{}", "no match_pattern")]
    public void A_value_that_cannot_be_compared_is_refused(string matcher, string problem)
        => Assert.Contains(problem, Error(new Permission { Metadata = new MetadataMatcher { Filter = "f", Path = { Key("a") }, Value = Google.Protobuf.JsonParser.Default.Parse<ValueMatcher>(matcher) } }), StringComparison.Ordinal);

    [Theory]
    [InlineData("/a/*/c", "/a/b c/c", true)]
    [InlineData("/a/*/c", "/a/b/b/c", false)]
    [InlineData("/a/**", "/a/é/{x}", true)]
    public void Templates_match_decoded_paths(string template, string path, bool matches)
        => Assert.Equal(matches, Assert.IsType<PermissionConfig.PathTemplate>(Permission(Template(template))).Template.Matches(path));

    [Theory]
    [InlineData("a/*", "begins with '/'")]
    [InlineData("/a/**/*", "must be the last wildcard")]
    [InlineData("", "1 to 256 characters")]
    public void Bad_templates_are_refused(string template, string problem) => Assert.Contains(problem, Error(Template(template)), StringComparison.Ordinal);

    [Fact]
    public void A_template_of_another_kind_is_refused()
        => Assert.Contains("must be a UriTemplateMatchConfig", Error(new Permission { UriTemplate = new TypedExtensionConfig { Name = "x", TypedConfig = Any.Pack(new RBAC()) } }), StringComparison.Ordinal);

    [Theory]
    [InlineData(StandardOutput, false, true)]
    [InlineData("type.googleapis.com/xds.type.v3.TypedStruct", false, false)]
    [InlineData("type.googleapis.com/xds.type.v3.TypedStruct", true, true)]
    public void A_logger_that_must_be_there_and_is_not_known_is_refused(string type, bool isOptional, bool isTaken)
    {
        var errors = new DecodeErrors();
        var rules = RbacDecoder.Decode(Audited(type, isOptional), errors);

        Assert.Equal(isTaken, errors.IsEmpty);
        Assert.Equal(type == StandardOutput, rules!.AuditsAllowed);
    }

    [Fact]
    public void Forwarded_addresses_are_counted_only_behind_trusted_hops()
    {
        var hcm = XdsResources.Hcm();
        hcm.UseRemoteAddress = true;
        hcm.XffNumTrustedHops = 2;

        Assert.Equal(2, Http(hcm).TrustedHops);
        hcm.UseRemoteAddress = null;
        Assert.Contains("xff_num_trusted_hops", DecoderTests.Decode(ResourceType.Listeners, XdsResources.ServerListener("in", XdsResources.Chain(hcm))).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_done_to_paths_is_read()
    {
        var hcm = XdsResources.Hcm();
        Assert.Equal(default, Http(hcm).Paths);

        (hcm.NormalizePath, hcm.MergeSlashes, hcm.PathWithEscapedSlashesAction) = (true, true, Slashes.RejectRequest);
        Assert.Equal(new PathOptions(true, true, EscapedSlashes.Reject), Http(hcm).Paths);
    }

    private static HttpConnectionConfig Http(HttpConnectionManager hcm)
        => DecoderTests.Accepted<ListenerConfig>(ResourceType.Listeners, XdsResources.ServerListener("in", XdsResources.Chain(hcm))).FilterChains[0].Http;

    private static RBAC Audited(string type, bool isOptional) => new()
    {
        AuditLoggingOptions = new RBAC.Types.AuditLoggingOptions
        {
            AuditCondition = RBAC.Types.AuditLoggingOptions.Types.AuditCondition.OnAllow,
            LoggerConfigs = { new RBAC.Types.AuditLoggingOptions.Types.AuditLoggerConfig { IsOptional = isOptional, AuditLogger = new TypedExtensionConfig { Name = "l", TypedConfig = new Any { TypeUrl = type } } } },
        },
    };

    private static MetadataMatcher.Types.PathSegment Key(string key) => new() { Key = key };

    private static Permission Template(string template)
        => new() { UriTemplate = new TypedExtensionConfig { Name = "t", TypedConfig = Any.Pack(new UriTemplateMatchConfig { PathTemplate = template }) } };

    private static PermissionConfig.Metadata Metadata(MetadataMatcher matcher) => Assert.IsType<PermissionConfig.Metadata>(Permission(new Permission { Metadata = matcher }));

    private static PermissionConfig Permission(Permission permission)
    {
        var errors = new DecodeErrors();
        var rules = RbacDecoder.Decode(Rules(permission), errors);
        Assert.Equal("", errors.ToString());
        return rules!.Policies[0].Permissions[0];
    }

    private static string Error(Permission permission)
    {
        var errors = new DecodeErrors();
        RbacDecoder.Decode(Rules(permission), errors);
        return errors.ToString();
    }

    private static RBAC Rules(Permission permission) => new() { Policies = { ["p"] = new Policy { Permissions = { permission }, Principals = { new Principal { Any = true } } } } };
}
