using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Admin;

/// <summary>
/// What an operator proves themselves with: <c>po1.{id}.{secret}.{root}</c>, made at the first start, in a file that only this user can read.
/// Like a join token it carries the SHA-256 of the root, so that the first connection is already verified.
/// </summary>
internal sealed class OperatorToken
{
    /// <summary>What it begins with, in place of a join token's <c>pm1</c>; the rest is built alike.</summary>
    public const string Prefix = "po1";

    private const string JoinPrefix = "pm1";

    private readonly byte[] _hash;

    public OperatorToken(StateFolder state, CertificateAuthority authority)
    {
        Path = state.PathOf("operator.token");
        var suffix = $".{Base64Url.EncodeToString(authority.RootHash.Span)}";
        var text = File.Exists(Path) ? File.ReadAllText(Path).Trim() : "";
        if (!text.EndsWith(suffix, StringComparison.Ordinal))
        {
            // The first start, or the root is another: the old token would not verify us.
            text = Prefix + JoinToken.Create(authority.RootHash.Span).Text[JoinPrefix.Length..];
            AtomicFile.WriteSecret(Path, Encoding.ASCII.GetBytes(text + "\n"));
        }

        _hash = SHA256.HashData(Encoding.ASCII.GetBytes(text));
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Reads the root's hash out of a token, in the form that first contact takes; null when it is no operator's token.</summary>
    public static JoinToken? Pin(string text)
        => text.StartsWith(Prefix, StringComparison.Ordinal) && JoinToken.TryParse(JoinPrefix + text[Prefix.Length..], out var pin) ? pin : null;

    /// <summary>Whether an <c>Authorization</c> header brings the token. Takes the same time for every wrong one.</summary>
    public bool IsIn(string? authorization)
    {
        const string Scheme = "Bearer ";
        return authorization is { Length: < 1024 }
            && authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            && CryptographicOperations.FixedTimeEquals(_hash, SHA256.HashData(Encoding.UTF8.GetBytes(authorization[Scheme.Length..].Trim())));
    }
}
