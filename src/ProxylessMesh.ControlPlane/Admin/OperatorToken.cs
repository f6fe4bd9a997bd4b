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

    private readonly CertificateAuthority _authority;

    // Of id and secret: what follows them changes with the root, and the token stays the operator's.
    private readonly byte[] _hash;

    public OperatorToken(StateFolder state, CertificateAuthority authority)
    {
        Path = state.PathOf("operator.token");
        _authority = authority;
        var text = File.Exists(Path) ? File.ReadAllText(Path).Trim() : "";
        if (Pin(text) is not { } token)
        {
            token = JoinToken.Create(authority.RootHash.Span);
        }

        _hash = Hash(Text(token));
        Write(token);
        authority.Changed += () => Write(token);
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
            && CryptographicOperations.FixedTimeEquals(_hash, Hash(authorization[Scheme.Length..].Trim()));
    }

    private static string Text(JoinToken token) => Prefix + token.Text[JoinPrefix.Length..];

    private static byte[] Hash(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text[..Math.Max(0, text.LastIndexOf('.'))]));

    // With the root of this moment, by which the next connection verifies us.
    private void Write(JoinToken token)
    {
        var text = Text(token);
        var now = $"{text[..text.LastIndexOf('.')]}.{Base64Url.EncodeToString(_authority.RootHash.Span)}\n";
        if (!File.Exists(Path) || File.ReadAllText(Path) != now)
        {
            AtomicFile.WriteSecret(Path, Encoding.ASCII.GetBytes(now));
        }
    }
}
