using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using ProxylessMesh.Authentication;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Rbac;

/// <summary>
/// What authorization may ask of a request: the path as Kestrel decoded it, which is what the application's routing sees, and the
/// peer as the connection proved it.
/// </summary>
/// <param name="request">The request.</param>
/// <param name="peer">The connection's other end.</param>
/// <param name="trustedHops">How many proxies before this process are trusted to append to <c>x-forwarded-for</c>.</param>
internal readonly struct RbacInput(HttpRequest request, MeshPeer peer, int trustedHops = 0) : IMatchInput
{
    /// <summary>What the peer proved: its SPIFFE ID.</summary>
    public string? PeerId { get; init; } = peer.IdText;

    /// <summary>Stands for the path where the request has one that ASP.NET does not take.</summary>
    public string? OtherPath { get; init; }

    public IPAddress? RemoteAddress => peer.RemoteAddress;

    /// <summary>Where the call began: the connection's address, or what the outermost trusted proxy saw.</summary>
    public IPAddress? CallerAddress => trustedHops == 0 ? peer.RemoteAddress : ForwardedFor.Address(request.Headers["x-forwarded-for"], trustedHops) ?? peer.RemoteAddress;

    public IPAddress? LocalAddress => peer.LocalAddress;

    public int LocalPort => peer.LocalPort;

    public string ServerName => peer.ServerName;

    public ReadOnlySpan<char> Path => OtherPath ?? request.Path.Value;

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

    /// <summary>The values of a header, each as it came.</summary>
    public StringValues HeaderValues(string name) => request.Headers[name];

    /// <summary>What a filter before wrote about the request; null: nothing.</summary>
    public JsonElement? Metadata(string filter) => request.HttpContext.Features.Get<RequestMetadata>()?.Get(filter);
}
