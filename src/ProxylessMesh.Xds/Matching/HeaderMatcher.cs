using System.Globalization;

namespace ProxylessMesh.Xds.Matching;

/// <summary>
/// One <c>envoy.config.route.v3.HeaderMatcher</c>. A header that is absent matches neither a value matcher nor its inversion
/// unless <see cref="TreatMissingAsEmpty"/> is set; a presence test can be inverted (gRFC A28, Envoy's field documentation).
/// </summary>
internal sealed record HeaderMatcher
{
    /// <summary>Header name in lower case, or <c>:method</c>, <c>:path</c>, <c>:authority</c>, <c>:scheme</c>.</summary>
    public required string Name { get; init; }

    /// <summary>What the value must be. Null together with a null <see cref="Range"/>: a test for presence.</summary>
    public StringMatcher? Value { get; init; }

    /// <summary>The value is an integer in [first, second).</summary>
    public (long Start, long End)? Range { get; init; }

    /// <summary>For a presence test: what is asked for.</summary>
    public bool Present { get; init; } = true;

    public bool Invert { get; init; }

    public bool TreatMissingAsEmpty { get; init; }

    public bool Matches<TRequest>(in TRequest request)
        where TRequest : struct, IMatchInput
    {
        if (Name[0] == ':')
        {
            return MatchesValue(PseudoHeader(request)) != Invert;
        }

        var present = request.TryGetHeader(Name, out var value);
        if (Value is null && Range is null)
        {
            return (present == Present) != Invert;
        }

        if (!present)
        {
            if (!TreatMissingAsEmpty)
            {
                return false;
            }

            value = "";
        }

        return MatchesValue(value) != Invert;
    }

    private bool MatchesValue(ReadOnlySpan<char> value)
    {
        if (Range is var (start, end))
        {
            return long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= start && number < end;
        }

        return Value is null ? Present : Value.Matches(value);
    }

    private ReadOnlySpan<char> PseudoHeader<TRequest>(in TRequest request)
        where TRequest : struct, IMatchInput
        => Name switch
        {
            ":method" => request.Method,
            ":authority" => request.Authority,
            ":path" => request.Path,
            ":scheme" => request.Scheme,
            _ => default,
        };
}
