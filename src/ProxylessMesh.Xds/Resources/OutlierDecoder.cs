using WireOutlier = Envoy.Config.Cluster.V3.OutlierDetection;

namespace ProxylessMesh.Xds.Resources;

/// <summary>Outlier detection (gRFC A50) with Envoy's three consecutive detectors. A share to enforce of 0 % is a detector that is off.</summary>
internal static class OutlierDecoder
{
    public static OutlierDetectionConfig? Decode(WireOutlier? wire, DecodeErrors errors)
    {
        if (wire is null)
        {
            return null;
        }

        using (errors.In("outlier_detection"))
        {
            if (wire.Monitors.Count > 0)
            {
                errors.Add("monitors", wire.Monitors[0].Name, "is not supported by this version");
            }

            var defaults = new OutlierDetectionConfig();
            var split = wire.SplitExternalLocalOriginErrors;
            var on5xx = Percent(wire.EnforcingConsecutive5Xx, 100, "enforcing_consecutive_5xx", errors);
            var onGateway = Percent(wire.EnforcingConsecutiveGatewayFailure, 0, "enforcing_consecutive_gateway_failure", errors);
            var onLocal = Percent(wire.EnforcingConsecutiveLocalOriginFailure, 100, "enforcing_consecutive_local_origin_failure", errors);
            return new OutlierDetectionConfig
            {
                Interval = ValueDecoder.PositiveDuration(wire.Interval, "interval", errors) ?? defaults.Interval,
                BaseEjectionTime = ValueDecoder.Duration(wire.BaseEjectionTime, "base_ejection_time", errors) ?? defaults.BaseEjectionTime,
                MaxEjectionTime = ValueDecoder.Duration(wire.MaxEjectionTime, "max_ejection_time", errors) ?? defaults.MaxEjectionTime,
                MaxEjectionTimeJitter = ValueDecoder.Duration(wire.MaxEjectionTimeJitter, "max_ejection_time_jitter", errors) ?? TimeSpan.Zero,
                MaxEjectionPercent = Percent(wire.MaxEjectionPercent, 10, "max_ejection_percent", errors),
                AlwaysEjectOneHost = wire.AlwaysEjectOneHost == true,
                SuccessfulActiveHealthCheckUnejects = wire.SuccessfulActiveHealthCheckUnejectHost ?? true,
                SplitLocalOriginErrors = split,
                Consecutive5xx = Consecutive(wire.Consecutive5Xx, on5xx),
                EnforcingConsecutive5xx = on5xx,
                ConsecutiveGatewayFailure = Consecutive(wire.ConsecutiveGatewayFailure, onGateway),
                EnforcingConsecutiveGatewayFailure = onGateway,
                ConsecutiveLocalOriginFailure = split ? Consecutive(wire.ConsecutiveLocalOriginFailure, onLocal) : null,
                EnforcingConsecutiveLocalOriginFailure = onLocal,
                SuccessRate = SuccessRate(wire, split, errors),
                FailurePercentage = FailurePercentage(wire, split, errors),
            };
        }
    }

    private static SuccessRateConfig? SuccessRate(WireOutlier wire, bool split, DecodeErrors errors)
    {
        var defaults = new SuccessRateConfig();
        var config = new SuccessRateConfig
        {
            MinimumHosts = Count(wire.SuccessRateMinimumHosts, defaults.MinimumHosts),
            RequestVolume = Count(wire.SuccessRateRequestVolume, defaults.RequestVolume),
            StdevFactor = Count(wire.SuccessRateStdevFactor, defaults.StdevFactor),
            EnforcingPercent = Percent(wire.EnforcingSuccessRate, 100, "enforcing_success_rate", errors),
            EnforcingLocalOriginPercent = Percent(wire.EnforcingLocalOriginSuccessRate, 100, "enforcing_local_origin_success_rate", errors),
        };
        return config.EnforcingPercent > 0 || (split && config.EnforcingLocalOriginPercent > 0) ? config : null;
    }

    private static FailurePercentageConfig? FailurePercentage(WireOutlier wire, bool split, DecodeErrors errors)
    {
        var defaults = new FailurePercentageConfig();
        var config = new FailurePercentageConfig
        {
            Threshold = Percent(wire.FailurePercentageThreshold, 85, "failure_percentage_threshold", errors),
            MinimumHosts = Count(wire.FailurePercentageMinimumHosts, defaults.MinimumHosts),
            RequestVolume = Count(wire.FailurePercentageRequestVolume, defaults.RequestVolume),
            EnforcingPercent = Percent(wire.EnforcingFailurePercentage, 0, "enforcing_failure_percentage", errors),
            EnforcingLocalOriginPercent = Percent(wire.EnforcingFailurePercentageLocalOrigin, 0, "enforcing_failure_percentage_local_origin", errors),
        };
        return config.EnforcingPercent > 0 || (split && config.EnforcingLocalOriginPercent > 0) ? config : null;
    }

    /// <summary>Envoy's default is 5 in a row; 0 in a row is off.</summary>
    private static int? Consecutive(uint? count, int enforced) => enforced == 0 || count == 0 ? null : Count(count, 5);

    private static int Count(uint? value, int fallback) => (int)Math.Min(value ?? (uint)fallback, int.MaxValue);

    private static int Percent(uint? value, uint fallback, string field, DecodeErrors errors) => (int)ValueDecoder.Percent(value, fallback, field, errors);
}
