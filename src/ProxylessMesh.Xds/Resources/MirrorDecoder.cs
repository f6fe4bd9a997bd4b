using System.Collections.Immutable;
using ProxylessMesh.Xds.Matching;
using MirrorPolicy = Envoy.Config.Route.V3.RouteAction.Types.RequestMirrorPolicy;

namespace ProxylessMesh.Xds.Resources;

/// <summary><c>request_mirror_policies</c>: where copies go. Without a fraction, every call is copied (Envoy).</summary>
internal static class MirrorDecoder
{
    public static ImmutableArray<MirrorConfig> Decode(IReadOnlyList<MirrorPolicy> wire, DecodeErrors errors)
    {
        if (wire.Count == 0)
        {
            return [];
        }

        var mirrors = ImmutableArray.CreateBuilder<MirrorConfig>(wire.Count);
        for (var i = 0; i < wire.Count; i++)
        {
            using (errors.In("request_mirror_policies", i))
            {
                if (Mirror(wire[i], errors) is { Fraction.PerMillion: > 0 } mirror)
                {
                    mirrors.Add(mirror);
                }
            }
        }

        return mirrors.ToImmutable();
    }

    private static MirrorConfig? Mirror(MirrorPolicy wire, DecodeErrors errors)
    {
        if (wire.ClusterHeader.Length > 0)
        {
            errors.Add("cluster_header", wire.ClusterHeader, "is not supported by this version; use cluster");
            return null;
        }

        if (wire.Cluster.Length == 0)
        {
            errors.AddMissing("cluster");
        }

        var share = wire.RuntimeFraction?.DefaultValue;
        return new MirrorConfig(wire.Cluster, new FractionMatcher(share is null ? FractionMatcher.Always : ValueDecoder.PerMillion(share, "runtime_fraction.default_value", errors)));
    }
}
