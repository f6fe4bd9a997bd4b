using System.Diagnostics.CodeAnalysis;
using System.Net;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Authentication;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Rbac;

/// <summary>
/// What authorization may ask of a request: the path as Kestrel decoded it, which is what the application's routing sees, and the
/// peer as the connection proved it.
/// </summary>
internal readonly struct RbacInput(HttpRequest request, MeshPeer peer) : IMatchInput
{
    public string? PeerId => peer.IdText;

    public IPAddress? RemoteAddress => peer.RemoteAddress;

    public IPAddress? LocalAddress => peer.LocalAddress;

    public int LocalPort => peer.LocalPort;

    public string ServerName => peer.ServerName;

    public ReadOnlySpan<char> Path => request.Path.Value;

    public ReadOnlySpan<char> Query => request.QueryString.Value is ['?', ..] query ? query.AsSpan(1) : default;

    public string Method => request.Method;

    public string Scheme => request.Scheme;

    public string Authority => request.Headers.Host.ToString();

    public bool TryGetHeader(string name, [NotNullWhen(true)] out string? value)
    {
        if (request.Headers.TryGetValue(name, out var values) && values.Count > 0)
        {
            value = values.Count == 1 ? values[0] ?? "" : string.Join(',', values.ToArray());
            return true;
        }

        value = null;
        return false;
    }
}
