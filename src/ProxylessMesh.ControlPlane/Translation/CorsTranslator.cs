using System.Globalization;
using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Http.Cors.V3;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>A VirtualService's <c>corsPolicy</c>, as the override of the CORS filter on one route.</summary>
internal static class CorsTranslator
{
    /// <summary>The filter, and the key of its overrides.</summary>
    public const string Filter = "envoy.filters.http.cors";

    public static CorsPolicy Translate(VirtualServiceCors cors)
    {
        var policy = new CorsPolicy
        {
            AllowOriginStringMatch = { cors.AllowOrigins.Select(MatchTranslator.Text) },
            AllowMethods = string.Join(',', cors.AllowMethods),
            AllowHeaders = string.Join(',', cors.AllowHeaders),
            ExposeHeaders = string.Join(',', cors.ExposeHeaders),
            AllowCredentials = cors.AllowCredentials,
            ForwardNotMatchingPreflights = !cors.IgnoresUnmatchedPreflights,
            FilterEnabled = new RuntimeFractionalPercent { DefaultValue = FaultTranslator.Percentage(100) },
        };
        if (cors.MaxAge is { } age)
        {
            policy.MaxAge = ((long)age.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        }

        return policy;
    }
}
