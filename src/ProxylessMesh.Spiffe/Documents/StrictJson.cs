using System.Text.Json;
using System.Text.Unicode;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// JSON from outside: no name twice in an object, and every text is Unicode. The framework's parser takes bytes that are not UTF-8 and
/// escapes of half a surrogate pair, and throws only when such a text is read.
/// </summary>
internal static class StrictJson
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 32, AllowDuplicateProperties = false };

    /// <exception cref="FormatException">It is no JSON, or none to work with.</exception>
    public static JsonDocument Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            return Utf8.IsValid(json.Span) && IsUnicode(json.Span) ? JsonDocument.Parse(json, Options) : throw new FormatException("The document has text that is not Unicode.");
        }
        catch (JsonException error)
        {
            throw new FormatException($"The document is no JSON: {error.Message}", error);
        }
    }

    private static bool IsUnicode(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = Options.MaxDepth });
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped && !CanBeRead(ref reader))
            {
                return false;
            }
        }

        return true;
    }

    private static bool CanBeRead(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString() is not null;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
