using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>Who did worse than they should in the interval that ended: success rate and failure percentage (Envoy, gRFC A50).</summary>
internal static class OutlierStatistics
{
    /// <summary>The outliers in the order in which they are to be ejected, each with the detector and how many percent of its finds it enforces.</summary>
    public static List<(ClusterEndpoint Endpoint, string Method, int EnforcingPercent)> Outliers(OutlierDetectionConfig config, ClusterEndpoint[] endpoints)
    {
        var found = new List<(ClusterEndpoint, string, int)>();
        if (config.SuccessRate is { } rate)
        {
            Find(static state => state.External, "success_rate", rate.EnforcingPercent, BelowTheOthers);
            FindLocal("success_rate_local_origin", rate.EnforcingLocalOriginPercent, BelowTheOthers);
        }

        if (config.FailurePercentage is { } percentage)
        {
            Find(static state => state.External, "failure_percentage", percentage.EnforcingPercent, FailingTooMuch);
            FindLocal("failure_percentage_local_origin", percentage.EnforcingLocalOriginPercent, FailingTooMuch);
        }

        return found;

        void Find(Func<OutlierState, CallCount> count, string method, int enforcingPercent, Func<OutlierDetectionConfig, ClusterEndpoint[], Func<OutlierState, CallCount>, List<ClusterEndpoint>> detector)
            => found.AddRange(detector(config, endpoints, count).Select(endpoint => (endpoint, method, enforcingPercent)));

        void FindLocal(string method, int enforcingPercent, Func<OutlierDetectionConfig, ClusterEndpoint[], Func<OutlierState, CallCount>, List<ClusterEndpoint>> detector)
        {
            if (config.SplitLocalOriginErrors)
            {
                Find(static state => state.Local, method, enforcingPercent, detector);
            }
        }
    }

    // Mean minus so many standard deviations, of the whole population and in percent: {50, 100, 100, 100, 100} and 1.9 make 52.
    private static List<ClusterEndpoint> BelowTheOthers(OutlierDetectionConfig config, ClusterEndpoint[] endpoints, Func<OutlierState, CallCount> count)
    {
        var rate = config.SuccessRate!;
        var judged = Judged(endpoints, count, rate.RequestVolume);
        if (judged.Count == 0 || judged.Count < rate.MinimumHosts)
        {
            return [];
        }

        var mean = judged.Average(endpoint => count(endpoint.Outlier).SuccessRate);
        var variance = judged.Average(endpoint => Math.Pow(count(endpoint.Outlier).SuccessRate - mean, 2));
        var threshold = mean - (Math.Sqrt(variance) * rate.StdevFactor / 1000.0);
        return judged.FindAll(endpoint => count(endpoint.Outlier).SuccessRate < threshold);
    }

    private static List<ClusterEndpoint> FailingTooMuch(OutlierDetectionConfig config, ClusterEndpoint[] endpoints, Func<OutlierState, CallCount> count)
    {
        var percentage = config.FailurePercentage!;
        var judged = Judged(endpoints, count, percentage.RequestVolume);
        return judged.Count < percentage.MinimumHosts ? [] : judged.FindAll(endpoint => FailsTooMuch(count(endpoint.Outlier), percentage.Threshold));
    }

    // Those that are out already took no part in the interval.
    private static List<ClusterEndpoint> Judged(ClusterEndpoint[] endpoints, Func<OutlierState, CallCount> count, int volume)
    {
        var judged = new List<ClusterEndpoint>();
        foreach (var endpoint in endpoints)
        {
            if (!endpoint.Outlier.IsEjected && count(endpoint.Outlier).Calls >= Math.Max(1, volume))
            {
                judged.Add(endpoint);
            }
        }

        return judged;
    }

    // A50 says "greater than or equal" beside the field and "greater than" in the algorithm. This follows the algorithm, as grpc-go does.
    private static bool FailsTooMuch(CallCount count, int threshold) => count.Failures * 100L > (long)count.Calls * threshold;
}
