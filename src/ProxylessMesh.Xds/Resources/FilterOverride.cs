using Envoy.Config.Route.V3;
using Google.Protobuf.WellKnownTypes;

namespace ProxylessMesh.Xds.Resources;

/// <summary>One entry of <c>typed_per_filter_config</c>, taken out of its <c>FilterConfig</c> where it has one (gRFC A39).</summary>
/// <param name="Config">Never null unless <paramref name="IsDisabled"/>.</param>
/// <param name="IsOptional">Whoever does not know the filter may leave the entry aside.</param>
/// <param name="IsDisabled">The filter does nothing here.</param>
internal sealed record FilterOverride(Any? Config, bool IsOptional, bool IsDisabled)
{
    private const string FilterConfigType = "type.googleapis.com/envoy.config.route.v3.FilterConfig";

    /// <returns>Null: it does not parse, and that is reported.</returns>
    public static FilterOverride? Open(Any any, DecodeErrors errors)
    {
        if (any.TypeUrl != FilterConfigType)
        {
            return new FilterOverride(any, false, false);
        }

        return ValueDecoder.Unpack(any, FilterConfig.Parser, errors) is { } wrapped
            ? new FilterOverride(wrapped.Config ?? new Any(), wrapped.IsOptional, wrapped.Disabled)
            : null;
    }
}
