using System.Text;
using Shop.Roles;

namespace Shop.Wire;

/// <summary>Looks for the shop's secret in a stream of bytes, also where it is cut in two.</summary>
internal sealed class SecretScanner
{
    private static readonly byte[] Secret = Encoding.ASCII.GetBytes(Product.Secret);

    private byte[] _tail = [];

    public bool Found { get; private set; }

    public void Add(ReadOnlySpan<byte> bytes)
    {
        byte[] seen = [.. _tail, .. bytes];
        Found |= seen.AsSpan().IndexOf(Secret) >= 0;
        _tail = seen[Math.Max(0, seen.Length - Secret.Length + 1)..];
    }
}
