using System.Net.Security;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace ProxylessMesh.Listening;

/// <summary>
/// The ALPN names that a mesh port takes. An Istio sidecar offers its own before the real ones; where its service is declared as TCP only
/// its own, and then the bytes say what is spoken. <c>istio-peer-exchange</c> is never taken: bytes of Envoy's would come first.
/// </summary>
internal static class MeshProtocols
{
    private static readonly SslApplicationProtocol IstioHttp2 = new("istio-h2");
    private static readonly SslApplicationProtocol IstioHttp11 = new("istio-http/1.1");
    private static readonly SslApplicationProtocol IstioHttp10 = new("istio-http/1.0");
    private static readonly SslApplicationProtocol Istio = new("istio");

    /// <summary>The most wanted first: a caller that offers real names gets one.</summary>
    public static List<SslApplicationProtocol> Of(HttpProtocols protocols)
    {
        List<SslApplicationProtocol> list = [];
        var (http1, http2) = (protocols.HasFlag(HttpProtocols.Http1), protocols.HasFlag(HttpProtocols.Http2));
        if (http2)
        {
            list.Add(SslApplicationProtocol.Http2);
        }

        if (http1)
        {
            list.Add(SslApplicationProtocol.Http11);
        }

        if (http2)
        {
            list.Add(IstioHttp2);
        }

        if (http1)
        {
            list.AddRange([IstioHttp11, IstioHttp10]);
        }

        list.Add(Istio);
        return list;
    }

    /// <summary>Tells Kestrel what is spoken, where the negotiated name is not one that it knows. Anything but HTTP/2 it takes for HTTP/1.1.</summary>
    public static async ValueTask ResolveAsync(ConnectionContext connection, CancellationToken cancellationToken)
    {
        var negotiated = connection.Features.Get<ITlsApplicationProtocolFeature>()?.ApplicationProtocol ?? default;
        if (negotiated.Span.SequenceEqual(IstioHttp2.Protocol.Span)
            || (negotiated.Span.SequenceEqual(Istio.Protocol.Span) && await FirstBytesReader.PeekAsync(connection.Transport.Input, cancellationToken) == FirstBytes.Http2))
        {
            connection.Features.Set<ITlsApplicationProtocolFeature>(PriorKnowledge.Http2);
        }
    }
}
