using System.Globalization;

namespace ProxylessMesh.Client.Resilience;

/// <summary>The <c>grpc-timeout</c> header: at most eight digits and a unit (gRPC over HTTP/2).</summary>
internal static class GrpcTimeout
{
    public const string HeaderName = "grpc-timeout";

    private const long MaxValue = 99_999_999;

    public static TimeSpan? Parse(string? text)
    {
        if (text is null || text.Length is < 2 or > 9 || !long.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var value))
        {
            return null;
        }

        return text[^1] switch
        {
            'H' => value > 1_000_000 ? TimeSpan.MaxValue : TimeSpan.FromHours(value),
            'M' => TimeSpan.FromMinutes(value),
            'S' => TimeSpan.FromSeconds(value),
            'm' => TimeSpan.FromMilliseconds(value),
            'u' => TimeSpan.FromMicroseconds(value),
            'n' => TimeSpan.FromTicks(value / 100),
            _ => null,
        };
    }

    /// <summary>Rounded down to what fits, at least one microsecond.</summary>
    public static string Format(TimeSpan time)
    {
        var micros = Math.Max(1, time.Ticks / TimeSpan.TicksPerMicrosecond);
        return micros <= MaxValue
            ? string.Create(CultureInfo.InvariantCulture, $"{micros}u")
            : micros / 1000 <= MaxValue
                ? string.Create(CultureInfo.InvariantCulture, $"{micros / 1000}m")
                : string.Create(CultureInfo.InvariantCulture, $"{Math.Min(MaxValue, micros / 1_000_000)}S");
    }
}
