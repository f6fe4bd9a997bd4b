using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features.Authentication;

namespace ProxylessMesh.Authentication;

/// <summary>
/// Shows the application who called, and takes away what a caller says about its own identity: that comes from the TLS session alone.
/// A request that can be read in two ways is no request.
/// </summary>
internal sealed class PeerIdentityMiddleware(RequestDelegate next)
{
    // What Envoy and Istio put on a request after they have checked a peer. Nothing in front of this process has.
    private static readonly string[] SpoofableHeaders =
    [
        "x-forwarded-client-cert",
        "x-envoy-peer-metadata",
        "x-envoy-peer-metadata-id",
        "x-envoy-internal",
        "x-envoy-external-address",
        "x-envoy-downstream-service-cluster",
        "x-envoy-downstream-service-node",
        "x-envoy-ip-tags",
        "x-envoy-original-dst-host",
    ];

    public Task InvokeAsync(HttpContext context)
    {
        if (context.Features.Get<IMeshPeerFeature>() is MeshPeer peer)
        {
            var headers = context.Request.Headers;
            if (headers.TransferEncoding.Count > 0 && !HttpProtocol.IsHttp11(context.Request.Protocol))
            {
                // Malformed (RFC 9113 §8.2.2). Kestrel takes it; an application that passes requests on could frame two from one.
                context.Response.StatusCode = StatusCodes.Status400BadRequest;
                return Task.CompletedTask;
            }

            foreach (var name in SpoofableHeaders)
            {
                headers.Remove(name);
            }

            if (peer.IdText is not null)
            {
                context.Features.Set<IHttpAuthenticationFeature>(new PeerUserFeature(peer));
                if (Activity.Current is { IsAllDataRequested: true } activity)
                {
                    activity.SetTag("mesh.peer.id", peer.IdText);
                }
            }
        }

        return next(context);
    }
}
