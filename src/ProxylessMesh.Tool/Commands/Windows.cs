using System.CommandLine;
using System.Globalization;

namespace ProxylessMesh.Tool.Commands;

/// <summary>How far back a command looks, written as <c>10m</c>.</summary>
internal static class Windows
{
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    public static Option<string> Option() => new("--window") { Description = "How far to look back, such as 90s or 10m, up to 1h. Default: as far as workloads remember.", DefaultValueFactory = static _ => "" };

    /// <summary>Zero for the default.</summary>
    public static TimeSpan Read(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return TimeSpan.Zero;
        }

        var unit = text[^1] switch
        {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => 0,
        };
        return unit > 0 && int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 && number <= Longest.TotalSeconds / unit
            ? TimeSpan.FromSeconds((double)number * unit)
            : throw new UsageException($"'{text}' is no window. Write a number with s, m or h, such as 90s or 10m; at most 1h.");
    }

    /// <summary>For people.</summary>
    public static string Shown(double seconds) => string.Create(CultureInfo.InvariantCulture, $"{(seconds < 120 ? Math.Round(seconds) : Math.Round(seconds / 60)):0} {(seconds < 120 ? "seconds" : "minutes")}");
}
