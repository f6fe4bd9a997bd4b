using System.Diagnostics.CodeAnalysis;

namespace ProxylessMesh.Spiffe;

/// <summary>Who a workload is, for example <c>spiffe://mesh.local/ns/shop/sa/catalog</c> (SPIFFE-ID §2). Compared ordinally.</summary>
public sealed record SpiffeId
{
    private readonly string _text;

    private SpiffeId(string text, TrustDomain trustDomain, string path)
    {
        _text = text;
        TrustDomain = trustDomain;
        Path = path;
    }

    /// <summary>Gets the trust domain.</summary>
    public TrustDomain TrustDomain { get; }

    /// <summary>Gets the path with its leading slash; empty for a trust domain's own ID.</summary>
    public string Path { get; }

    /// <summary>Makes the ID of a service account: <c>/ns/{namespace}/sa/{serviceAccount}</c>, Istio's layout.</summary>
    /// <param name="trustDomain">The trust domain.</param>
    /// <param name="namespaceName">The namespace.</param>
    /// <param name="serviceAccount">The service account.</param>
    /// <returns>The ID.</returns>
    /// <exception cref="FormatException">A part has a character that a SPIFFE path segment may not have.</exception>
    public static SpiffeId ForServiceAccount(TrustDomain trustDomain, string namespaceName, string serviceAccount)
    {
        if (!SpiffeIdSyntax.IsSegment(namespaceName) || !SpiffeIdSyntax.IsSegment(serviceAccount))
        {
            throw new FormatException($"Namespace '{namespaceName}' and service account '{serviceAccount}' make no SPIFFE ID. Each must be letters, digits, '.', '-' or '_', and not '.' or '..'.");
        }

        return Parse($"{SpiffeIdSyntax.Scheme}{trustDomain.Name}/ns/{namespaceName}/sa/{serviceAccount}");
    }

    /// <summary>Reads an ID.</summary>
    /// <param name="text">The whole URI, at most 2048 characters.</param>
    /// <returns>The ID.</returns>
    /// <exception cref="FormatException">The text is not a SPIFFE ID.</exception>
    public static SpiffeId Parse(string text)
        => TryParse(text, out var id) ? id : throw new FormatException($"'{text}' is not a SPIFFE ID. It looks like 'spiffe://trust-domain/path'; see SPIFFE-ID section 2.");

    /// <summary>Reads an ID.</summary>
    /// <param name="text">The whole URI.</param>
    /// <param name="id">The ID.</param>
    /// <returns>Whether <paramref name="text"/> is one.</returns>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out SpiffeId? id)
    {
        id = null;
        if (text is null || text.Length > SpiffeIdSyntax.MaxIdLength || !text.StartsWith(SpiffeIdSyntax.Scheme, StringComparison.Ordinal))
        {
            return false;
        }

        var rest = text.AsSpan(SpiffeIdSyntax.Scheme.Length);
        var slash = rest.IndexOf('/');
        var domainName = slash < 0 ? rest : rest[..slash];
        var path = slash < 0 ? default : rest[slash..];
        if (!SpiffeIdSyntax.IsPath(path) || !TrustDomain.TryParse(domainName.ToString(), out var domain))
        {
            return false;
        }

        id = new SpiffeId(text, domain, path.ToString());
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => _text;

    /// <inheritdoc/>
    public bool Equals(SpiffeId? other) => other is not null && string.Equals(_text, other._text, StringComparison.Ordinal);

    /// <inheritdoc/>
    public override int GetHashCode() => _text.GetHashCode(StringComparison.Ordinal);
}
