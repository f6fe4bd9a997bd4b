using System.Collections.Immutable;
using System.Text.Json;

namespace ProxylessMesh.Xds.Matching;

/// <summary>One <c>envoy.type.matcher.v3.MetadataMatcher</c>: asks what a filter has written about a request.</summary>
/// <param name="Filter">Who wrote it.</param>
/// <param name="Path">The keys that lead to the value, at least one.</param>
/// <param name="Value">What it must be.</param>
/// <param name="Invert">It must not.</param>
internal sealed record MetadataMatcher(string Filter, ImmutableArray<string> Path, ValueMatcher Value, bool Invert)
{
    /// <param name="written">What the filter has written; null: nothing.</param>
    public bool Matches(JsonElement? written) => (Find(written) is { } value && Value.Matches(value)) != Invert;

    private JsonElement? Find(JsonElement? written)
    {
        foreach (var key in Path)
        {
            if (written is not { ValueKind: JsonValueKind.Object } map || !map.TryGetProperty(key, out var next))
            {
                return null;
            }

            written = next;
        }

        return written;
    }
}

/// <summary>One <c>envoy.type.matcher.v3.ValueMatcher</c>. A value of another type than is asked for does not match.</summary>
internal abstract record ValueMatcher
{
    public abstract bool Matches(JsonElement value);

    internal sealed record Null : ValueMatcher
    {
        public override bool Matches(JsonElement value) => value.ValueKind == JsonValueKind.Null;
    }

    /// <summary>In [<see cref="Start"/>, <see cref="End"/>), or exactly <see cref="Start"/> where there is no end.</summary>
    internal sealed record Number(double Start, double? End) : ValueMatcher
    {
        public override bool Matches(JsonElement value)
            => value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && (End is { } end ? number >= Start && number < end : number.Equals(Start));
    }

    internal sealed record Text(StringMatcher Matcher) : ValueMatcher
    {
        public override bool Matches(JsonElement value) => value.ValueKind == JsonValueKind.String && Matcher.Matches(value.GetString());
    }

    internal sealed record Boolean(bool Expected) : ValueMatcher
    {
        public override bool Matches(JsonElement value) => value.ValueKind == (Expected ? JsonValueKind.True : JsonValueKind.False);
    }

    /// <summary>Envoy: a value is present when it is not null; what is asked for may be that.</summary>
    internal sealed record Present(bool Expected) : ValueMatcher
    {
        public override bool Matches(JsonElement value) => Expected && value.ValueKind is not (JsonValueKind.Null or JsonValueKind.Undefined);
    }

    internal sealed record OneOfList(ValueMatcher Matcher) : ValueMatcher
    {
        public override bool Matches(JsonElement value)
        {
            if (value.ValueKind == JsonValueKind.Array)
            {
                foreach (var item in value.EnumerateArray())
                {
                    if (Matcher.Matches(item))
                    {
                        return true;
                    }
                }
            }

            return false;
        }
    }

    internal sealed record Any(ImmutableArray<ValueMatcher> Of) : ValueMatcher
    {
        public override bool Matches(JsonElement value)
        {
            foreach (var matcher in Of)
            {
                if (matcher.Matches(value))
                {
                    return true;
                }
            }

            return false;
        }
    }
}
