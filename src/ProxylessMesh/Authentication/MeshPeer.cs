using System.Net;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Authentication;

/// <summary>
/// The other end of one connection to a mesh port, read once when the connection came. Its identity is the one of the TLS session;
/// nothing that a request says changes it.
/// </summary>
/// <param name="id">What the peer proved; null for a plaintext caller.</param>
/// <param name="remote">Where it calls from; null where the transport has no addresses.</param>
/// <param name="local">Where it called.</param>
/// <param name="serverName">The name that it asked for in the TLS handshake (SNI); null where it asked for none.</param>
/// <param name="trust">Whether that still holds; null for a plaintext caller.</param>
internal sealed class MeshPeer(SpiffeId? id, IPEndPoint? remote, IPEndPoint? local, string? serverName = null, PeerTrust? trust = null) : IMeshPeerFeature
{
    public SpiffeId? Id { get; } = id;

    /// <summary>The ID's text, kept here because authorization compares it for each request.</summary>
    public string? IdText { get; } = id?.ToString();

    /// <summary>IPv4 where it can be said so: a dual-stack socket reports <c>::ffff:10.0.0.1</c>, a policy says <c>10.0.0.1</c>.</summary>
    public IPAddress? RemoteAddress { get; } = Plain(remote?.Address);

    public IPAddress? LocalAddress { get; } = Plain(local?.Address);

    public int LocalPort { get; } = local?.Port ?? 0;

    /// <summary>Empty where it asked for none, which is what gRFC A41 compares with.</summary>
    public string ServerName { get; } = serverName ?? "";

    /// <summary>Its certificate and its root still are good.</summary>
    public bool IsTrusted => trust?.Holds ?? true;

    /// <summary>For logs: the ID, or the address of a caller that has none.</summary>
    public override string ToString() => IdText ?? $"an anonymous caller at {RemoteAddress?.ToString() ?? "an unknown address"}";

    private static IPAddress? Plain(IPAddress? address) => address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address;
}
