using System.Collections.Immutable;
using ProxylessMesh.Xds.Matching;
using WireMetadata = Envoy.Type.Matcher.V3.MetadataMatcher;
using WireNumber = Envoy.Type.Matcher.V3.DoubleMatcher;
using WireValue = Envoy.Type.Matcher.V3.ValueMatcher;

namespace ProxylessMesh.Xds.Resources;

/// <summary>Matchers on what filters wrote about a request.</summary>
internal static class MetadataDecoder
{
    /// <summary>Null without an error: it names no filter, key or value, and so never matches (gRFC A41).</summary>
    public static MetadataMatcher? Decode(WireMetadata wire, DecodeErrors errors)
    {
        if (wire.Filter.Length == 0 || wire.Path.Count == 0 || wire.Value is null)
        {
            return null;
        }

        using (errors.In("metadata"))
        {
            for (var i = 0; i < wire.Path.Count; i++)
            {
                if (wire.Path[i].Key.Length == 0)
                {
                    errors.AddMissing($"path[{i}].key");
                }
            }

            return Value(wire.Value, "value", errors) is { } value ? new MetadataMatcher(wire.Filter, [.. wire.Path.Select(static segment => segment.Key)], value, wire.Invert) : null;
        }
    }

    // Protobuf itself bounds how deep messages nest.
    private static ValueMatcher? Value(WireValue wire, string field, DecodeErrors errors)
    {
        using (errors.In(field))
        {
            switch (wire.MatchPatternCase)
            {
                case WireValue.MatchPatternOneofCase.NullMatch:
                    return new ValueMatcher.Null();
                case WireValue.MatchPatternOneofCase.DoubleMatch:
                    return Number(wire.DoubleMatch, errors);
                case WireValue.MatchPatternOneofCase.StringMatch:
                    return MatcherDecoder.String(wire.StringMatch, "string_match", errors) is { } text ? new ValueMatcher.Text(text) : null;
                case WireValue.MatchPatternOneofCase.BoolMatch:
                    return new ValueMatcher.Boolean(wire.BoolMatch);
                case WireValue.MatchPatternOneofCase.PresentMatch:
                    return new ValueMatcher.Present(wire.PresentMatch);
                case WireValue.MatchPatternOneofCase.ListMatch when wire.ListMatch.OneOf is { } item:
                    return Value(item, "list_match.one_of", errors) is { } one ? new ValueMatcher.OneOfList(one) : null;
                case WireValue.MatchPatternOneofCase.OrMatch when wire.OrMatch.ValueMatchers.Count >= 2:
                    ImmutableArray<ValueMatcher> any = [.. wire.OrMatch.ValueMatchers.Select(each => Value(each, "or_match.value_matchers", errors)).OfType<ValueMatcher>()];
                    return new ValueMatcher.Any(any);
                default:
                    errors.Add("has no match_pattern that this version knows");
                    return null;
            }
        }
    }

    private static ValueMatcher.Number? Number(WireNumber wire, DecodeErrors errors)
    {
        if (wire.MatchPatternCase == WireNumber.MatchPatternOneofCase.Exact)
        {
            return new ValueMatcher.Number(wire.Exact, null);
        }

        if (wire.MatchPatternCase == WireNumber.MatchPatternOneofCase.Range && wire.Range.End > wire.Range.Start)
        {
            return new ValueMatcher.Number(wire.Range.Start, wire.Range.End);
        }

        errors.Add("double_match must be exact, or a range whose start is below its end");
        return null;
    }
}
