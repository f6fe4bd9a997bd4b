using System.Collections.Immutable;

namespace ProxylessMesh.Xds.Matching;

/// <summary>The <c>match</c> of one route (gRFC A28): the path, every header, every query parameter and the fraction must match.</summary>
internal sealed record RequestMatcher
{
    public required PathMatcher Path { get; init; }

    public ImmutableArray<HeaderMatcher> Headers { get; init; } = [];

    public ImmutableArray<QueryParameterMatcher> QueryParameters { get; init; } = [];

    public FractionMatcher? Fraction { get; init; }

    public bool Matches<TRequest>(in TRequest request)
        where TRequest : struct, IMatchInput
    {
        if (!Path.Matches(request.Path))
        {
            return false;
        }

        foreach (var header in Headers)
        {
            if (!header.Matches(request))
            {
                return false;
            }
        }

        foreach (var parameter in QueryParameters)
        {
            if (!parameter.Matches(request.Query))
            {
                return false;
            }
        }

        return Fraction is not { } fraction || fraction.Matches();
    }
}
