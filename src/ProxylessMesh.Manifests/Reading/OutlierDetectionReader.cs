using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>outlierDetection</c>. As in Istio, 0 is not set where a percentage of ejections is meant.</summary>
internal static class OutlierDetectionReader
{
    private static readonly TimeSpan OneMillisecond = TimeSpan.FromMilliseconds(1);

    public static OutlierDetection? Read(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        var defaults = new OutlierDetection();
        var old = map.Aside("consecutiveErrors")?.Integer(0, int.MaxValue);
        if (old is not null)
        {
            map.Aside("consecutiveErrors")?.Warn("the field is deprecated", "Write 'consecutiveGatewayErrors', which is the same");
        }

        var percent = map.Integer("maxEjectionPercent", 0, 100);
        if (percent == 0)
        {
            map.Field("maxEjectionPercent")?.Warn($"0 means the default, {defaults.MaxEjectionPercent}, as in Istio", "Remove 'outlierDetection' if nobody is to be ejected");
        }

        var detection = new OutlierDetection
        {
            Consecutive5xxErrors = map.Integer("consecutive5xxErrors", 0, int.MaxValue),
            ConsecutiveGatewayErrors = map.Integer("consecutiveGatewayErrors", 0, int.MaxValue) ?? old,
            SplitExternalLocalOriginErrors = map.Field("splitExternalLocalOriginErrors")?.Boolean() ?? false,
            ConsecutiveLocalOriginFailures = map.Integer("consecutiveLocalOriginFailures", 0, int.MaxValue),
            Interval = map.Duration("interval", DurationSyntax.Istio, OneMillisecond) ?? defaults.Interval,
            BaseEjectionTime = map.Duration("baseEjectionTime", DurationSyntax.Istio, OneMillisecond) ?? defaults.BaseEjectionTime,
            MaxEjectionPercent = percent is > 0 ? percent.Value : defaults.MaxEjectionPercent,
            MinHealthPercent = map.Integer("minHealthPercent", 0, 100) ?? 0,
        };
        if (detection is { ConsecutiveLocalOriginFailures: > 0, SplitExternalLocalOriginErrors: false })
        {
            map.Field("consecutiveLocalOriginFailures")?.Fail("local failures are only counted apart with 'splitExternalLocalOriginErrors'", "Write 'splitExternalLocalOriginErrors: true' beside it");
        }

        map.End();
        return detection;
    }
}
