using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Tool.Explain;

/// <summary>Says in words why a rule does not take a call, by asking its matchers one after the other.</summary>
internal static class MatchReason
{
    /// <summary>The first condition that does not hold; null: all hold, but for a share of the calls.</summary>
    public static string? WhyNot<TRequest>(RequestMatcher matcher, in TRequest request)
        where TRequest : struct, IMatchInput
    {
        if (!matcher.Path.Matches(request.Path))
        {
            return $"path '{request.Path}' does not match {matcher.Path}";
        }

        foreach (var header in matcher.Headers)
        {
            if (!header.Matches(request))
            {
                return Header(header, request);
            }
        }

        foreach (var parameter in matcher.QueryParameters)
        {
            if (!parameter.Matches(request.Query))
            {
                return $"query parameter '{parameter.Name}' does not match {parameter.Value?.ToString() ?? (parameter.Present ? "present" : "absent")}";
            }
        }

        return null;
    }

    private static string Header<TRequest>(HeaderMatcher header, in TRequest request)
        where TRequest : struct, IMatchInput
    {
        var condition = header.Value?.ToString() ?? (header.Range is var (start, end) ? $"a number from {start} to below {end}" : header.Present ? "present" : "absent");
        var value = header.Name switch
        {
            ":method" => request.Method,
            ":authority" => request.Authority,
            ":scheme" => request.Scheme,
            ":path" => request.Path.ToString(),
            _ => request.TryGetHeader(header.Name, out var found) ? found : null,
        };
        return $"header '{header.Name}' is {(value is null ? "missing" : $"'{value}'")}; asked for: {(header.Invert ? "not " : "")}{condition}";
    }
}
