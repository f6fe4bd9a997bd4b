using System.Globalization;
using System.Text.RegularExpressions;
using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Http.Cors.V3;
using Envoy.Type.Matcher.V3;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>A VirtualService's <c>corsPolicy</c> or an HTTPRoute's <c>cors</c>, as the override of the CORS filter on one route.</summary>
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

    /// <summary>A preflight of another origin is answered here too, without headers, so that the browser refuses the call.</summary>
    public static CorsPolicy Translate(RouteCors cors) => new()
    {
        AllowOriginStringMatch = { cors.AllowOrigins.Select(Origin) },
        AllowMethods = string.Join(',', cors.AllowMethods),
        AllowHeaders = string.Join(',', cors.AllowHeaders),
        ExposeHeaders = string.Join(',', cors.ExposeHeaders),
        AllowCredentials = cors.AllowCredentials,
        MaxAge = cors.MaxAgeSeconds.ToString(CultureInfo.InvariantCulture),
        ForwardNotMatchingPreflights = false,
        FilterEnabled = new RuntimeFractionalPercent { DefaultValue = FaultTranslator.Percentage(100) },
    };

    // "*" stands for one label or more, or for any host where it stands alone. Browsers leave out the port that goes without saying.
    private static StringMatcher Origin(string origin)
    {
        if (origin == "*")
        {
            return new StringMatcher { Exact = "*" };
        }

        var own = origin.StartsWith("https://", StringComparison.Ordinal) ? ":443" : ":80";
        var shown = origin.EndsWith(own, StringComparison.Ordinal) ? origin[..^own.Length] : origin;
        return shown.Contains('*', StringComparison.Ordinal)
            ? new StringMatcher { SafeRegex = MatchTranslator.Regex(Regex.Escape(shown).Replace(@"\*", "[^:/]+", StringComparison.Ordinal)) }
            : new StringMatcher { Exact = shown, IgnoreCase = true };
    }
}
