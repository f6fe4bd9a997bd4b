using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads Gateway API's <c>GRPCRoute</c>.</summary>
internal static class GrpcRouteReader
{
    public static GrpcRouteManifest? Read(YamlMap document, ManifestHeader header)
    {
        if (document.Required("spec", "Write 'spec:' with 'parentRefs:' and 'rules:' below it")?.Map() is not { } spec)
        {
            return null;
        }

        var route = new GrpcRouteManifest
        {
            Name = header.Name,
            Parents = RouteParentReader.Read(spec, header),
            Rules = spec.Field("rules") is null ? [new GrpcRouteRule()] : spec.List("rules", rule => ReadRule(rule, header)),
        };
        RouteRuleChecks.All(spec, route, route.Rules.Sum(rule => rule.Matches.Length));
        spec.NotYet("useDefaultGateways");
        spec.End();
        return route;
    }

    private static GrpcRouteRule ReadRule(YamlMap map, ManifestHeader header)
    {
        var matches = map.List("matches", ReadMatch);
        var rule = new GrpcRouteRule
        {
            Name = map.Text("name", TextRules.DnsName) ?? "",
            Matches = matches.IsEmpty ? [GrpcRouteMatch.Everything] : matches,
            Filters = RouteFilterReader.Read(map, header, RouteFilterKinds.Grpc),
            Backends = RouteBackendReader.ReadAll(map, header, RouteFilterKinds.Grpc),
            Session = SessionPersistenceReader.Read(map.Map("sessionPersistence")),
        };
        RouteRuleChecks.One(map, rule, matches.Length);
        map.End();
        return rule;
    }

    private static GrpcRouteMatch ReadMatch(YamlMap map)
    {
        var match = ReadMethod(map.Map("method"));
        ImmutableArray<RouteValueMatch> headers = HttpRouteMatchReader.ReadValues(map, "headers", TextRules.HeaderName, ignoreCase: true);
        map.End();
        return match with { Headers = headers };
    }

    private static GrpcRouteMatch ReadMethod(YamlMap? map)
    {
        if (map is null)
        {
            return GrpcRouteMatch.Everything;
        }

        var isRegex = map.Field("type")?.Choice<bool>([("Exact", false), ("RegularExpression", true)]) ?? false;
        var service = map.Text("service", isRegex ? TextRules.Expression : Service);
        var method = map.Text("method", isRegex ? TextRules.Expression : Method);
        if (!map.Has("service") && !map.Has("method"))
        {
            map.Fail("neither 'service' nor 'method' is written", "Write one of them or both, or remove 'method' to match every call");
        }

        map.End();
        return new GrpcRouteMatch { Service = isRegex ? service : service?.TrimStart('.'), Method = method, IsRegex = isRegex };
    }

    // Protobuf's full name, which may begin with a dot.
    private static Mistake? Service(string text)
        => text.Length <= 1024 && (text.StartsWith('.') ? text[1..] : text).Split('.').All(IsIdentifier)
            ? null
            : new("it is not the name of a gRPC service", "Write package and service, such as 'shop.v1.Catalog', or 'type: RegularExpression'");

    private static Mistake? Method(string text)
        => text.Length <= 1024 && IsIdentifier(text) ? null : new("it is not the name of a gRPC method", "Write a name such as 'GetItem', or 'type: RegularExpression'");

    private static bool IsIdentifier(string text)
        => text.Length > 0 && !char.IsAsciiDigit(text[0]) && text.All(static character => char.IsAsciiLetterOrDigit(character) || character == '_');
}
