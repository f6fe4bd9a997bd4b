using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>The weights of a group by what its endpoints report of their load (gRFC A58).</summary>
internal static class ReportedWeights
{
    /// <returns>An endpoint without a usable weight has the average; fewer than two with one: all are equal, which is round robin.</returns>
    public static double[] Of(WeightedRoundRobinConfig config, ClusterEndpoint[] endpoints, PickMoment moment)
    {
        var (known, total, stale, early) = (0, 0.0, 0, 0);
        var weights = new double[endpoints.Length];
        for (var i = 0; i < endpoints.Length; i++)
        {
            var state = endpoints[i].ReportedWeight.Read(moment.Time, moment.Now, config, out weights[i]);
            stale += state == WeightState.Stale ? 1 : 0;
            early += state == WeightState.NotYetUsable ? 1 : 0;
            known += weights[i] > 0 ? 1 : 0;
            total += weights[i];
            moment.Meter?.EndpointWeight(endpoints[i].Cluster, weights[i]);
        }

        moment.Meter?.EndpointWeights(endpoints[0].Cluster, early, stale, isFallback: known < 2);
        var average = known < 2 ? 1 : total / known;
        for (var i = 0; i < weights.Length; i++)
        {
            weights[i] = known < 2 || weights[i] == 0 ? average : weights[i];
        }

        return weights;
    }
}
