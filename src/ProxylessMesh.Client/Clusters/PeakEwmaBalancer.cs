namespace ProxylessMesh.Client.Clusters;

/// <summary>
/// The best of a few by expected wait: the moving average of an endpoint's latency, which follows a peak at once and forgets it slowly,
/// times the calls that it has and this one (Finagle's peak EWMA, as in Linkerd).
/// </summary>
/// <param name="endpoints">Those that may be picked, two or more.</param>
/// <param name="weights">By which the wait is divided.</param>
/// <param name="choiceCount">Endpoints to draw, 2 or more; the first two differ.</param>
/// <param name="time">The clock.</param>
internal sealed class PeakEwmaBalancer(ClusterEndpoint[] endpoints, double[] weights, int choiceCount, TimeProvider time) : Balancer(endpoints)
{
    public override ClusterEndpoint Pick(in PickInput input)
    {
        var now = time.GetTimestamp();
        var best = Random.Shared.Next(Endpoints.Length);
        var shortest = Wait(best, now);
        var drawn = Random.Shared.Next(Endpoints.Length - 1);
        drawn += drawn >= best ? 1 : 0;
        for (var i = 1; i < choiceCount; i++)
        {
            var wait = Wait(drawn, now);
            (best, shortest) = wait < shortest ? (drawn, wait) : (best, shortest);
            drawn = Random.Shared.Next(Endpoints.Length);
        }

        return Endpoints[best];
    }

    private double Wait(int index, long now)
    {
        var endpoint = Endpoints[index];
        return endpoint.Latency.Expected(time, now, endpoint.ActiveCalls) / weights[index];
    }
}
