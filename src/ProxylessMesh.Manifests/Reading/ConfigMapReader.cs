using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads core/v1 <c>ConfigMap</c>.</summary>
internal static class ConfigMapReader
{
    public static ConfigMapManifest Read(YamlMap document, ManifestHeader header)
    {
        var configMap = new ConfigMapManifest { Name = header.Name, Data = document.TextMap("data", Key) };
        document.Ignore("binaryData", "immutable");
        return configMap;
    }

    private static Mistake? Key(string text)
        => text.Length is > 0 and <= 253 && text.All(static character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or '.')
            ? null
            : new("it is not a key", "Use at most 253 letters, digits, '-', '_' and '.'");
}
