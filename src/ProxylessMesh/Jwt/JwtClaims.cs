using System.Buffers;
using System.Text.Json;

namespace ProxylessMesh.Jwt;

/// <summary>Looks into the payload of a token.</summary>
internal static class JwtClaims
{
    /// <summary>A claim by its name, else by a path of names with dots between them; null: there is none.</summary>
    public static JsonElement? Find(JsonElement payload, string path)
    {
        if (payload.TryGetProperty(path, out var claim))
        {
            return claim;
        }

        var rest = path.AsSpan();
        claim = payload;
        while (!rest.IsEmpty)
        {
            var dot = rest.IndexOf('.');
            var name = dot < 0 ? rest : rest[..dot];
            if (claim.ValueKind != JsonValueKind.Object || !claim.TryGetProperty(name, out claim))
            {
                return null;
            }

            rest = dot < 0 ? [] : rest[(dot + 1)..];
        }

        return claim;
    }

    /// <summary>The value of a header: texts, numbers and booleans as they are, lists and objects as their JSON in base64, as in Envoy. Null: it cannot be one.</summary>
    public static string? HeaderValue(JsonElement claim)
    {
        switch (claim.ValueKind)
        {
            case JsonValueKind.String:
                var text = claim.GetString()!;

                // Signed or not: nothing in a claim begins a line of its own.
                return text.Length > 0 && !text.Any(char.IsControl) ? text : null;
            case JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False:
                return claim.GetRawText();
            case JsonValueKind.Object or JsonValueKind.Array:
                return Convert.ToBase64String(Write(writer => claim.WriteTo(writer)).Span);
            default:
                return null;
        }
    }

    /// <summary>Times are numbers of seconds (RFC 7519 §2). False: it is there and is none.</summary>
    public static bool TryGetTime(JsonElement payload, string name, out double? seconds)
    {
        seconds = null;
        if (!payload.TryGetProperty(name, out var claim))
        {
            return true;
        }

        if (claim.ValueKind != JsonValueKind.Number || !claim.TryGetDouble(out var value) || !double.IsFinite(value))
        {
            return false;
        }

        seconds = value;
        return true;
    }

    /// <summary>One text or a list of texts (RFC 7519 §4.1.3).</summary>
    public static IEnumerable<string> Audiences(JsonElement payload)
        => !payload.TryGetProperty("aud", out var claim) ? []
            : claim.ValueKind == JsonValueKind.Array ? claim.EnumerateArray().Where(static item => item.ValueKind == JsonValueKind.String).Select(static item => item.GetString()!)
            : claim.ValueKind == JsonValueKind.String ? [claim.GetString()!]
            : [];

    /// <summary>The payload as the member <paramref name="key"/> of an object, claims that are texts with blanks taken apart.</summary>
    public static JsonElement ForMetadata(JsonElement payload, string key, HashSet<string> spaceDelimited)
        => JsonElement.Parse(Write(writer =>
        {
            writer.WriteStartObject();
            writer.WriteStartObject(key);
            foreach (var claim in payload.EnumerateObject())
            {
                if (claim.Value.ValueKind == JsonValueKind.String && spaceDelimited.Contains(claim.Name))
                {
                    writer.WriteStartArray(claim.Name);
                    foreach (var item in claim.Value.GetString()!.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                    {
                        writer.WriteStringValue(item);
                    }

                    writer.WriteEndArray();
                }
                else
                {
                    claim.WriteTo(writer);
                }
            }

            writer.WriteEndObject();
            writer.WriteEndObject();
        }).Span);

    private static ReadOnlyMemory<byte> Write(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            write(writer);
        }

        return buffer.WrittenMemory;
    }
}
