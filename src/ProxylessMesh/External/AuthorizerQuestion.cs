using System.Net;
using System.Text;
using Envoy.Config.Core.V3;
using Envoy.Service.Auth.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Authentication;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.External;

/// <summary>The <c>CheckRequest</c> for a request: who calls, from where, and what, as Envoy tells it.</summary>
internal static class AuthorizerQuestion
{
    public static CheckRequest Make(HttpContext context, MeshPeer peer, ExtAuthzConfig config, ReadOnlyMemory<byte> body, DateTimeOffset now)
    {
        var request = context.Request;
        var http = new AttributeContext.Types.HttpRequest
        {
            Id = request.Headers["x-request-id"].ToString(),
            Method = request.Method,
            Path = request.Path.ToUriComponent() + request.QueryString.ToUriComponent(),
            Host = request.Host.Value ?? "",
            Scheme = request.Scheme,
            Protocol = request.Protocol,
            Size = request.ContentLength ?? -1,
        };
        foreach (var header in request.Headers)
        {
#pragma warning disable CA1308 // Names of headers are told in lower case, as in HTTP/2.
            http.Headers[header.Key.ToLowerInvariant()] = header.Value.ToString();
#pragma warning restore CA1308
        }

        if (config.Body is { AsBytes: true })
        {
            http.RawBody = ByteString.CopyFrom(body.Span);
        }
        else if (config.Body is not null)
        {
            http.Body = Encoding.UTF8.GetString(body.Span);
        }

        var attributes = new AttributeContext
        {
            Source = new AttributeContext.Types.Peer { Address = Address(peer.RemoteAddress, context.Connection.RemotePort), Principal = peer.IdText ?? "" },
            Destination = new AttributeContext.Types.Peer { Address = Address(peer.LocalAddress, peer.LocalPort) },
            Request = new AttributeContext.Types.Request { Time = Timestamp.FromDateTimeOffset(now), Http = http },
        };
        if (config.IncludesTlsSession)
        {
            attributes.TlsSession = new AttributeContext.Types.TLSSession { Sni = peer.ServerName };
        }

        return new CheckRequest { Attributes = attributes };
    }

    private static Address? Address(IPAddress? address, int port)
        => address is null ? null : new Address { SocketAddress = new Envoy.Config.Core.V3.SocketAddress { Address = address.ToString(), PortValue = (uint)port } };
}
