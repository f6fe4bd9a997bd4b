using System.Net;

namespace ProxylessMesh.Manifests;

/// <summary>Addresses and networks as policies write them.</summary>
internal static class Addresses
{
    /// <summary>An address, or a network such as <c>10.0.0.0/8</c>; null where it is neither.</summary>
    public static IPNetwork? ParseNetwork(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (!IPAddress.TryParse(slash < 0 ? text : text[..slash], out var address))
        {
            return null;
        }

        var bits = address.GetAddressBytes().Length * 8;
        var length = slash < 0 ? bits : int.TryParse(text.AsSpan(slash + 1), out var written) ? written : -1;
        return length < 0 || length > bits ? null : new IPNetwork(Masked(address, length), length);
    }

    // '10.1.2.3/8' is '10.0.0.0/8', as Envoy reads it; IPNetwork refuses the former.
    private static IPAddress Masked(IPAddress address, int length)
    {
        var bytes = address.GetAddressBytes();
        for (var i = 0; i < bytes.Length; i++)
        {
            var kept = Math.Clamp(length - (i * 8), 0, 8);
            bytes[i] &= (byte)(0xFF00 >> kept);
        }

        return new IPAddress(bytes);
    }
}
