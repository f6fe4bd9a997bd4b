using System.Buffers;
using System.Text;
using System.Text.Json;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// What of a JWK Set (RFC 7517) workloads are told: public keys, without the members that only an issuer may know. A symmetric key is
/// left out whole: everyone who can check its tokens can make them.
/// </summary>
internal static class PublicKeys
{
    private const string None = """{"keys":[]}""";

    // RFC 7518 §6.2.2, §6.3.2 and §6.4.1.
    private static readonly HashSet<string> Secrets = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

    /// <summary>No key of a text that is missing or is no key set: then no token is valid.</summary>
    public static string Of(string? keySet)
    {
        if (keySet is null)
        {
            return None;
        }

        try
        {
            using var document = JsonDocument.Parse(keySet);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("keys", out var keys) && keys.ValueKind == JsonValueKind.Array
                ? Write(keys)
                : None;
        }
        catch (JsonException)
        {
            return None;
        }
    }

    private static string Write(JsonElement keys)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteStartArray("keys");
            foreach (var key in keys.EnumerateArray())
            {
                if (key.ValueKind == JsonValueKind.Object && key.TryGetProperty("kty", out var type) && type.ValueKind == JsonValueKind.String && !type.ValueEquals("oct"))
                {
                    Write(writer, key);
                }
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter writer, JsonElement key)
    {
        writer.WriteStartObject();
        foreach (var member in key.EnumerateObject())
        {
            if (!Secrets.Contains(member.Name))
            {
                member.WriteTo(writer);
            }
        }

        writer.WriteEndObject();
    }
}
