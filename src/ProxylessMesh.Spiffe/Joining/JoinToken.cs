using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// A join token, <c>pm1.{id}.{secret}.{root}</c>: the id names it in logs, the secret proves it, the SHA-256 of the mesh's root certificate
/// makes the first connection verified. All parts are base64url without padding.
/// </summary>
/// <remarks>Only <see cref="Text"/> shows the secret. <see cref="ToString"/> does not, so that a token in a log is harmless.</remarks>
internal sealed class JoinToken
{
    public const int IdBytes = 9;

    public const int SecretBytes = 32;

    private const string Prefix = "pm1";

    // "pm1." + 12 + "." + 43 + "." + 43
    private const int TextLength = 104;

    private static readonly SearchValues<char> Alphabet = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    private JoinToken(string id, byte[] secret, byte[] rootHash)
    {
        Id = id;
        Secret = secret;
        RootHash = rootHash;
    }

    /// <summary>Names the token; not secret.</summary>
    public string Id { get; }

    public ReadOnlyMemory<byte> Secret { get; }

    /// <summary>SHA-256 of the root certificate's DER.</summary>
    public ReadOnlyMemory<byte> RootHash { get; }

    /// <summary>The whole token, secret included: for the wire and for the operator's eyes once.</summary>
    public string Text => $"{Prefix}.{Id}.{Base64Url.EncodeToString(Secret.Span)}.{Base64Url.EncodeToString(RootHash.Span)}";

    public static JoinToken Create(ReadOnlySpan<byte> rootHash)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(rootHash.Length, SHA256.HashSizeInBytes);
        return new JoinToken(Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(IdBytes)), RandomNumberGenerator.GetBytes(SecretBytes), rootHash.ToArray());
    }

    /// <exception cref="IdentityException"><see cref="IdentityError.TokenMalformed"/>. The text itself is not in the message.</exception>
    public static JoinToken Parse(string? text)
        => TryParse(text, out var token)
            ? token
            : throw new IdentityException(
                IdentityError.TokenMalformed,
                $"The join token ({text?.Trim().Length ?? 0} characters) is malformed. It looks like 'pm1.ID.SECRET.ROOT' and has {TextLength} characters: copy all of it, or make a new one with 'mesh token create'.");

    public static bool TryParse(string? text, [NotNullWhen(true)] out JoinToken? token)
    {
        token = null;
        var span = text.AsSpan().Trim();
        if (span.Length != TextLength || !span.StartsWith($"{Prefix}.", StringComparison.Ordinal))
        {
            return false;
        }

        Span<Range> parts = stackalloc Range[5];
        if (span.Split(parts, '.') != 4
            || Decode(span[parts[1]], IdBytes) is null
            || Decode(span[parts[2]], SecretBytes) is not { } secret
            || Decode(span[parts[3]], SHA256.HashSizeInBytes) is not { } rootHash)
        {
            return false;
        }

        token = new JoinToken(span[parts[1]].ToString(), secret, rootHash);
        return true;
    }

    public override string ToString() => $"{Prefix}.{Id}.***";

    private static byte[]? Decode(ReadOnlySpan<char> part, int length)
    {
        // Base64Url takes white space and padding; a token has neither.
        if (part.Length != Base64Url.GetEncodedLength(length) || part.ContainsAnyExcept(Alphabet))
        {
            return null;
        }

        // Its Try form throws where the last character has bits that belong to no byte.
        var bytes = new byte[length];
        return Base64Url.DecodeFromChars(part, bytes, out _, out var written) == OperationStatus.Done && written == length ? bytes : null;
    }
}
