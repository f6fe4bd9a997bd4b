using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Jwt;

/// <summary>
/// A signed JWT in compact form (RFC 7515 §3.1), taken apart and not yet believed. What is not exactly that is refused: other alphabets,
/// encrypted tokens, header parameters that must be understood (<c>crit</c>), JSON that says a thing twice or holds what is not Unicode.
/// </summary>
internal sealed class JwtToken
{
    /// <summary>Longer ones would not fit into the headers that Kestrel takes by default.</summary>
    public const int MaxLength = 16 * 1024;

    private static readonly SearchValues<char> Alphabet = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    private JwtToken(string text, int payloadStart, int signatureStart, byte[] signature)
    {
        Signed = Encoding.ASCII.GetBytes(text, 0, signatureStart - 1);
        EncodedPayload = text[payloadStart..(signatureStart - 1)];
        Signature = signature;
    }

    /// <summary>What the signature is over.</summary>
    public byte[] Signed { get; }

    public byte[] Signature { get; }

    /// <summary>As it stands in the token.</summary>
    public string EncodedPayload { get; }

    public string Algorithm { get; private init; } = "";

    /// <summary>Null: it does not say with which key it was signed.</summary>
    public string? KeyId { get; private init; }

    /// <summary>An object.</summary>
    public JsonElement Payload { get; private init; }

    /// <summary>Null where there is none.</summary>
    public string? Issuer => Text(Payload, "iss");

    /// <summary>Null: it is malformed.</summary>
    public static JwtToken? Parse(string text)
    {
        if (text.Length > MaxLength || text.IndexOf('.', StringComparison.Ordinal) is not (> 0 and var first) || text.IndexOf('.', first + 1) is not (> 0 and var second))
        {
            return null;
        }

        var header = text.AsSpan(0, first);
        var payload = text.AsSpan((first + 1)..second);
        var signature = text.AsSpan(second + 1);
        if (Decode(signature) is not { } signatureBytes || Json(header) is not { } parameters || Json(payload) is not { } claims)
        {
            return null;
        }

        // RFC 7515 §4.1.11: what is listed there must be understood, and no extension is.
        if (parameters.TryGetProperty("crit", out _) || Text(parameters, "alg") is not { } algorithm)
        {
            return null;
        }

        return new JwtToken(text, first + 1, second + 1, signatureBytes) { Algorithm = algorithm, KeyId = Text(parameters, "kid"), Payload = claims };
    }

    /// <summary>A claim that is a text; null where it is not there or something else.</summary>
    public static string? Text(JsonElement element, string name)
        => element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    // Four characters are three bytes; one character left over is none, and bits left over are zero.
    private static byte[]? Decode(ReadOnlySpan<char> part)
    {
        if (part.Length == 0 || part.Length % 4 == 1 || part.ContainsAnyExcept(Alphabet))
        {
            return null;
        }

        try
        {
            return Base64Url.DecodeFromChars(part);
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static JsonElement? Json(ReadOnlySpan<char> part)
    {
        if (Decode(part) is not { } text)
        {
            return null;
        }

        try
        {
            using var document = StrictJson.Parse(text);
            return document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.Clone() : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
