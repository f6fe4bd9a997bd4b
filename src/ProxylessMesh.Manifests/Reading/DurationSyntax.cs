using System.Globalization;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>The two ways in which the standards write durations.</summary>
internal enum DurationSyntax
{
    /// <summary>Gateway API (GEP-2257): up to four parts of up to five digits with <c>h</c>, <c>m</c>, <c>s</c> or <c>ms</c>.</summary>
    GatewayApi,

    /// <summary>Istio: Go's syntax, such as <c>1.5s</c> or <c>1m30s</c>, in whole milliseconds.</summary>
    Istio,
}

/// <summary>Reads durations.</summary>
internal static class Durations
{
    /// <summary>Longer ones would not fit the timers of the data plane.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromHours(1000);

    private const int MaxParts = 4;
    private const int MaxDigits = 5;

    /// <summary>Null where the text is no duration of this syntax.</summary>
    public static TimeSpan? Parse(string text, DurationSyntax syntax)
    {
        if (text == "0" && syntax == DurationSyntax.Istio)
        {
            return TimeSpan.Zero;
        }

        var rest = text.AsSpan();
        var milliseconds = 0m;
        var parts = 0;
        while (!rest.IsEmpty)
        {
            if (TakePart(ref rest, syntax) is not { } part || (++parts > MaxParts && syntax == DurationSyntax.GatewayApi))
            {
                return null;
            }

            milliseconds += part;
            if (milliseconds > (decimal)TimeSpan.MaxValue.TotalMilliseconds / 2)
            {
                return null;
            }
        }

        return parts == 0 || milliseconds != decimal.Truncate(milliseconds) ? null : TimeSpan.FromMilliseconds((long)milliseconds);
    }

    /// <summary>The duration in the fewest words, for messages.</summary>
    public static string Show(TimeSpan duration)
        => duration.TotalMilliseconds % 1000 == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{duration.TotalSeconds}s")
            : string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMilliseconds}ms");

    private static decimal? TakePart(ref ReadOnlySpan<char> rest, DurationSyntax syntax)
    {
        var digits = rest.IndexOfAnyExcept(syntax == DurationSyntax.Istio ? "0123456789." : "0123456789");
        if (digits <= 0 || digits > (syntax == DurationSyntax.Istio ? 20 : MaxDigits)
            || !decimal.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
        {
            return null;
        }

        rest = rest[digits..];
        var unit = rest.IndexOfAnyInRange('0', '9');
        var word = unit < 0 ? rest : rest[..unit];
        rest = rest[word.Length..];
        return word switch
        {
            "h" => number * 3_600_000,
            "m" => number * 60_000,
            "s" => number * 1000,
            "ms" => number,
            "us" or "µs" when syntax == DurationSyntax.Istio => number / 1000,
            "ns" when syntax == DurationSyntax.Istio => number / 1_000_000,
            _ => null,
        };
    }
}
