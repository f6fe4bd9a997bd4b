using System.Diagnostics.CodeAnalysis;

namespace ProxylessMesh.Spiffe;

/// <summary>A SPIFFE trust domain, for example <c>mesh.local</c>: lower-case letters, digits, <c>.</c>, <c>-</c>, <c>_</c>; 1 to 255 characters (SPIFFE-ID §2.1).</summary>
public readonly record struct TrustDomain
{
    private readonly string? _name;

    private TrustDomain(string name) => _name = name;

    /// <summary>Gets the name, without a scheme.</summary>
    public string Name => _name ?? "";

    /// <summary>Reads a trust domain name.</summary>
    /// <param name="name">The name alone, without <c>spiffe://</c>.</param>
    /// <returns>The trust domain.</returns>
    /// <exception cref="FormatException">The name is empty, too long or has a character that is not allowed.</exception>
    public static TrustDomain Parse(string name)
        => TryParse(name, out var domain) ? domain : throw new FormatException($"'{name}' is not a trust domain. Use 1 to 255 lower-case letters, digits, '.', '-' or '_', for example 'mesh.local'.");

    /// <summary>Reads a trust domain name.</summary>
    /// <param name="name">The name alone, without <c>spiffe://</c>.</param>
    /// <param name="domain">The trust domain.</param>
    /// <returns>Whether <paramref name="name"/> is one.</returns>
    public static bool TryParse([NotNullWhen(true)] string? name, out TrustDomain domain)
    {
        domain = default;
        if (!SpiffeIdSyntax.IsTrustDomain(name))
        {
            return false;
        }

        domain = new TrustDomain(name!);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
