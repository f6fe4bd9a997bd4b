using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Nodes;
using Envoy.Config.Route.V3;
using Google.Protobuf;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.Xds.Client;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;
using WireHeader = Envoy.Config.Route.V3.HeaderMatcher;
using WireString = Envoy.Type.Matcher.V3.StringMatcher;

namespace ProxylessMesh.Tool.Checks;

/// <summary><c>mesh check match</c>: whether a matcher, written as xDS in JSON, matches; and whether it may be configured at all.</summary>
internal static class MatchCheck
{
    private static readonly JsonParser Parser = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(true));

    public static JsonObject Answer(JsonElement testCase) => testCase.Text("type") switch
    {
        "string" => Result(String(testCase.Required("matcher")).Matches(testCase.Text("input"))),
        "string-config" => StringConfig(testCase.Required("matcher")),
        "header" => Result(Header(testCase.Required("matcher")).Matches(Input(testCase))),
        "path" => Result(Path(testCase.Required("matcher")).Matches(testCase.Text("input"))),
        "path+header" => Result(
            Path(testCase.Required("matcher").Required("path")).Matches(testCase.Text("input"))
            && Header(testCase.Required("matcher").Required("header")).Matches(Input(testCase))),
        "domain" => Result(VirtualHost([[testCase.Text("matcher")]], testCase.Text("input")) is not null),
        "virtual-host" => Result(VirtualHost(Domains(testCase.Required("virtual_hosts")), testCase.Text("input"))),
        "istio-host-matches" => Result(HostPatterns.Overlap(testCase.Text("a"), testCase.Text("b"))),
        "istio-host-subsetOf" => Result(HostPatterns.IsSubset(testCase.Text("a"), testCase.Text("b"))),
        var type => throw new FormatException($"There is no matcher of type '{type}'. Use string, string-config, header, path, path+header, domain, virtual-host, istio-host-matches or istio-host-subsetOf."),
    };

    private static JsonObject Result(JsonNode? result) => new() { ["result"] = result };

    private static CaseInput Input(JsonElement testCase)
        => new(testCase.OptionalText("input") ?? "/", testCase.TryGetProperty("headers", out var headers) ? headers : default);

    private static Xds.Matching.StringMatcher String(JsonElement json)
        => Decode(json, WireString.Parser, static (wire, errors) => MatcherDecoder.String(wire, "matcher", errors));

    private static Xds.Matching.HeaderMatcher Header(JsonElement json) => Decode(json, WireHeader.Parser, MatcherDecoder.Header);

    // A regex may be written as text alone.
    private static Xds.Matching.PathMatcher Path(JsonElement json)
        => json.TryGetProperty("safe_regex", out var regex) && regex.ValueKind == JsonValueKind.String
            ? Decode(JsonSerializer.SerializeToElement(new JsonObject { ["safe_regex"] = new JsonObject { ["regex"] = regex.GetString() } }), RouteMatch.Parser, MatcherDecoder.Path)
            : Decode(json, RouteMatch.Parser, MatcherDecoder.Path);

    private static JsonObject StringConfig(JsonElement json)
    {
        try
        {
            String(json);
            return new JsonObject { ["accepted"] = true };
        }
        catch (FormatException refused)
        {
            return new JsonObject { ["accepted"] = false, ["error"] = refused.Message };
        }
    }

    private static T Decode<TWire, T>(JsonElement json, MessageParser<TWire> parser, Func<TWire, DecodeErrors, T?> decode)
        where TWire : IMessage<TWire>, new()
        where T : class
    {
        TWire wire;
        try
        {
            wire = Parser.Parse<TWire>(json.GetRawText());
        }
        catch (InvalidProtocolBufferException broken)
        {
            throw new FormatException($"The matcher is no {parser.ParseFrom(ByteString.Empty).Descriptor.FullName}: {broken.Message}", broken);
        }

        var errors = new DecodeErrors();
        return decode(wire, errors) is { } decoded && errors.IsEmpty ? decoded : throw new FormatException(errors.ToString());
    }

    private static string[][] Domains(JsonElement hosts)
        => [.. hosts.EnumerateArray().Select(static host => host.EnumerateArray().Select(static domain => domain.GetString() ?? "").ToArray())];

    // A domain that a route configuration may not have matches nothing.
    private static int? VirtualHost(string[][] domains, string authority)
    {
        var wire = new RouteConfiguration { Name = "case" };
        for (var i = 0; i < domains.Length; i++)
        {
            var host = new VirtualHost { Name = i.ToString(System.Globalization.CultureInfo.InvariantCulture) };
            host.Domains.AddRange(domains[i]);
            wire.VirtualHosts.Add(host);
        }

        return ResourceType.Routes.Decode(wire.ToByteString(), FrozenSet<string>.Empty).Config is RouteConfig config && VirtualHostMatcher.Find(config.VirtualHosts, authority) is { } found
            ? int.Parse(found.Name, System.Globalization.CultureInfo.InvariantCulture)
            : null;
    }
}
