using System.Text.Json;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Looks at a JWK Set (RFC 7517 §5) as it is written in a manifest.</summary>
internal static class KeySetText
{
    private const int MaxLength = 256 * 1024;

    // RFC 7518 §6.2.2, §6.3.2 and §6.4.1: what only the issuer may know.
    private static readonly string[] SecretMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

    public static Mistake? Check(string text)
    {
        if (text.Length > MaxLength)
        {
            return new($"it is longer than {MaxLength / 1024} KiB", "Write the keys in use alone");
        }

        try
        {
            using var document = JsonDocument.Parse(text);
            return Keys(document) is { } keys && keys.EnumerateArray().All(key => key.ValueKind == JsonValueKind.Object)
                ? null
                : new("it is not a JWK Set", "Write '{\"keys\": [ … ]}' with one object for each key");
        }
        catch (JsonException)
        {
            return new("it is not JSON", "Write '{\"keys\": [ … ]}', as the issuer shows it");
        }
    }

    /// <summary>Whether a set that <see cref="Check"/> finds good has more than public keys.</summary>
    public static bool HasSecrets(string text)
    {
        using var document = JsonDocument.Parse(text);
        return Keys(document) is { } keys && keys.EnumerateArray().Any(key => SecretMembers.Any(member => key.TryGetProperty(member, out _)));
    }

    private static JsonElement? Keys(JsonDocument document)
        => document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("keys", out var keys) && keys.ValueKind == JsonValueKind.Array ? keys : null;
}
