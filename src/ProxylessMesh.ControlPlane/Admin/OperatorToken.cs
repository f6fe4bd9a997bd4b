using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.ControlPlane.Store;

namespace ProxylessMesh.ControlPlane.Admin;

/// <summary>
/// What an operator proves themselves with: <c>po1.{secret}.{root}</c>, made at the first start, in a file that only this user can read.
/// Like a join token it carries the SHA-256 of the root, so that the first connection is already verified.
/// </summary>
internal sealed class OperatorToken
{
    private const int SecretBytes = 32;

    private readonly byte[] _hash;

    public OperatorToken(StateFolder state, CertificateAuthority authority)
    {
        Path = state.PathOf("operator.token");
        var suffix = $".{Base64Url.EncodeToString(authority.RootHash.Span)}";
        var text = File.Exists(Path) ? File.ReadAllText(Path).Trim() : "";
        if (!text.EndsWith(suffix, StringComparison.Ordinal))
        {
            // The first start, or the root is another: the old token would not verify us.
            text = $"po1.{Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes))}{suffix}";
            AtomicFile.WriteSecret(Path, Encoding.ASCII.GetBytes(text + "\n"));
        }

        _hash = SHA256.HashData(Encoding.ASCII.GetBytes(text));
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Whether an <c>Authorization</c> header brings the token. Takes the same time for every wrong one.</summary>
    public bool IsIn(string? authorization)
    {
        const string Scheme = "Bearer ";
        return authorization is { Length: < 1024 }
            && authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            && CryptographicOperations.FixedTimeEquals(_hash, SHA256.HashData(Encoding.UTF8.GetBytes(authorization[Scheme.Length..].Trim())));
    }
}
