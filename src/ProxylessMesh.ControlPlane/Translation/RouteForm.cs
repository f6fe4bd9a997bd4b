using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Envoy.Config.Route.V3;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>A match of a Gateway API route in words that every xDS client knows.</summary>
/// <param name="Path">What must match besides headers and query; a new message each time, as messages are changed by their owners.</param>
/// <param name="IsBelowPrefix">The path is the prefix of a <c>PathPrefix</c> with the slash after it, so that a new prefix needs one too.</param>
/// <param name="CookiePath">Where a session cookie of this route belongs.</param>
internal sealed record RouteForm(Func<RouteMatch> Path, bool IsBelowPrefix = false, string CookiePath = "/")
{
    // "/a" takes "/a" and "/a/b". Envoy's path_separated_prefix says that in one match, but gRPC clients refuse it.
    public static ImmutableArray<RouteForm> Of(HttpRouteMatch match)
    {
        Func<RouteMatch, RouteMatch> with = path => With(path, match.Headers, match.QueryParameters, match.Method);
        var prefix = match.Path.TrimEnd('/');
        return match.PathType switch
        {
            HttpPathMatchType.Exact => [new RouteForm(() => with(new RouteMatch { Path = match.Path }), CookiePath: match.Path)],
            HttpPathMatchType.RegularExpression => [new RouteForm(() => with(new RouteMatch { SafeRegex = MatchTranslator.Regex(match.Path) }))],
            _ when prefix.Length > 0 =>
            [
                new RouteForm(() => with(new RouteMatch { Path = prefix }), CookiePath: prefix),
                new RouteForm(() => with(new RouteMatch { Prefix = prefix + "/" }), IsBelowPrefix: true, CookiePath: prefix),
            ],
            _ => [new RouteForm(() => with(new RouteMatch { Prefix = "/" }), IsBelowPrefix: true)],
        };
    }

    /// <summary>The path of a gRPC call is <c>/service/method</c>.</summary>
    public static ImmutableArray<RouteForm> Of(GrpcRouteMatch match)
        => [new RouteForm(() => With(
            match switch
            {
                { Service: null, Method: null } => new RouteMatch { Prefix = "/" },
                { IsRegex: true } => new RouteMatch { SafeRegex = MatchTranslator.Regex($"/{Expression(match.Service)}/{Expression(match.Method)}") },
                { Service: { } service, Method: { } method } => new RouteMatch { Path = $"/{service}/{method}" },
                { Service: { } service } => new RouteMatch { Prefix = $"/{service}/" },
                _ => new RouteMatch { SafeRegex = MatchTranslator.Regex($"/{Expression(null)}/{Regex.Escape(match.Method!)}") },
            },
            match.Headers,
            [],
            null))];

    private static string Expression(string? part) => part is null ? "[^/]+" : $"(?:{part})";

    private static RouteMatch With(RouteMatch path, ImmutableArray<RouteValueMatch> headers, ImmutableArray<RouteValueMatch> query, string? method)
    {
        if (method is not null)
        {
            path.Headers.Add(MatchTranslator.Header(MatchTranslator.Method, new StringMatch(StringMatchKind.Exact, method)));
        }

        path.Headers.AddRange(headers.Select(header => MatchTranslator.Header(header.Name, Text(header))));
        path.QueryParameters.AddRange(query.Select(parameter => MatchTranslator.Query(parameter.Name, Text(parameter))));
        return path;
    }

    private static StringMatch Text(RouteValueMatch match) => new(match.IsRegex ? StringMatchKind.Regex : StringMatchKind.Exact, match.Value);
}
