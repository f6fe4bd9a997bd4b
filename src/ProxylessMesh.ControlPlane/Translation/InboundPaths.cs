using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using ProxylessMesh.Manifests.Kinds;
using EscapedSlashes = Envoy.Extensions.Filters.Network.HttpConnectionManager.V3.HttpConnectionManager.Types.PathWithEscapedSlashesAction;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>What MeshConfig says of every request before rules look at it: the form of its path, and whom to take for its caller.</summary>
internal static class InboundPaths
{
    public static HttpConnectionManager Apply(HttpConnectionManager http, MeshConfigManifest mesh)
    {
        var mode = mesh.PathNormalization;
        http.NormalizePath = mode != PathNormalizationMode.None;
        http.MergeSlashes = mode is PathNormalizationMode.MergeSlashes or PathNormalizationMode.DecodeAndMergeSlashes;
        http.PathWithEscapedSlashesAction = mode switch
        {
            PathNormalizationMode.DecodeAndMergeSlashes => EscapedSlashes.UnescapeAndForward,
            PathNormalizationMode.Strict => EscapedSlashes.RejectRequest,
            _ => EscapedSlashes.KeepUnchanged,
        };

        // Envoy counts hops from the right end only of addresses that it has checked itself: use_remote_address says so.
        if (mesh.TrustedProxies > 0)
        {
            http.UseRemoteAddress = true;
            http.XffNumTrustedHops = (uint)mesh.TrustedProxies;
        }

        return http;
    }
}
