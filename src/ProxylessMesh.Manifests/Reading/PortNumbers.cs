using System.Globalization;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Ports where a standard writes them as text.</summary>
internal static class PortNumbers
{
    /// <summary>1-65535 in its only spelling, or null.</summary>
    public static int? Parse(string text)
        => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and <= 65535 && text[0] != '0' ? port : null;
}
