using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Manifests.Kinds;
using WireOutlier = Envoy.Config.Cluster.V3.OutlierDetection;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>When endpoints are set aside: what a DestinationRule says, and the detectors that only a MeshTrafficPolicy can name.</summary>
internal static class EjectionTranslator
{
    // Envoy's own, where nobody says a number.
    private const int DefaultInARow = 5;

    public static WireOutlier? Translate(OutlierDetection? rule, MeshTrafficPolicyManifest? mesh)
    {
        if (rule is null && mesh is not { SuccessRate: not null } and not { FailurePercentage: not null })
        {
            return null;
        }

        var wire = Consecutive(rule);
        AddSuccessRate(wire, mesh?.SuccessRate, rule);
        AddFailurePercentage(wire, mesh?.FailurePercentage, rule);
        return wire;
    }

    // Istio: five 5xx in a row, unless the rule says 0; gateway errors only where the rule says a number. A cluster that only a
    // MeshTrafficPolicy speaks of has none of the two.
    private static WireOutlier Consecutive(OutlierDetection? rule)
    {
        var timing = rule ?? new OutlierDetection();
        var fiveXx = rule is null ? 0 : rule.Consecutive5xxErrors ?? DefaultInARow;
        var gateway = rule?.ConsecutiveGatewayErrors ?? 0;
        var wire = new WireOutlier
        {
            Interval = timing.Interval.ToDuration(),
            BaseEjectionTime = timing.BaseEjectionTime.ToDuration(),
            MaxEjectionPercent = (uint)timing.MaxEjectionPercent,
            Consecutive5Xx = (uint)Math.Max(1, fiveXx),
            EnforcingConsecutive5Xx = fiveXx > 0 ? 100u : 0,
            ConsecutiveGatewayFailure = (uint)Math.Max(1, gateway),
            EnforcingConsecutiveGatewayFailure = gateway > 0 ? 100u : 0,
            EnforcingSuccessRate = 0,
        };
        if (timing.SplitExternalLocalOriginErrors)
        {
            var local = timing.ConsecutiveLocalOriginFailures ?? DefaultInARow;
            wire.SplitExternalLocalOriginErrors = true;
            wire.ConsecutiveLocalOriginFailure = (uint)Math.Max(1, local);
            wire.EnforcingConsecutiveLocalOriginFailure = local > 0 ? 100u : 0;
            wire.EnforcingLocalOriginSuccessRate = 0;
        }

        return wire;
    }

    private static void AddSuccessRate(WireOutlier wire, SuccessRateEjection? rate, OutlierDetection? rule)
    {
        if (rate is null)
        {
            return;
        }

        wire.SuccessRateMinimumHosts = (uint)rate.MinimumHosts;
        wire.SuccessRateRequestVolume = (uint)rate.RequestVolume;
        wire.SuccessRateStdevFactor = (uint)rate.StdevFactor;
        wire.EnforcingSuccessRate = (uint)rate.EnforcingPercent;
        if (rule?.SplitExternalLocalOriginErrors == true)
        {
            wire.EnforcingLocalOriginSuccessRate = (uint)rate.EnforcingPercent;
        }
    }

    private static void AddFailurePercentage(WireOutlier wire, FailurePercentageEjection? percentage, OutlierDetection? rule)
    {
        if (percentage is null)
        {
            return;
        }

        wire.FailurePercentageThreshold = (uint)percentage.Threshold;
        wire.FailurePercentageMinimumHosts = (uint)percentage.MinimumHosts;
        wire.FailurePercentageRequestVolume = (uint)percentage.RequestVolume;
        wire.EnforcingFailurePercentage = (uint)percentage.EnforcingPercent;
        if (rule?.SplitExternalLocalOriginErrors == true)
        {
            wire.EnforcingFailurePercentageLocalOrigin = (uint)percentage.EnforcingPercent;
        }
    }
}
