namespace ProxylessMesh.Client.Clusters;

/// <summary>The least loaded of a few drawn at random (gRFC A48).</summary>
/// <param name="endpoints">Those that may be picked.</param>
/// <param name="choiceCount">Endpoints to draw, from 2 to 10. Drawn with replacement, as A48 asks.</param>
internal sealed class LeastRequestBalancer(ClusterEndpoint[] endpoints, int choiceCount) : Balancer(endpoints)
{
    public override ClusterEndpoint Pick(in PickInput input)
    {
        var endpoints = Endpoints;
        var best = endpoints[Random.Shared.Next(endpoints.Length)];
        for (var i = 1; i < choiceCount; i++)
        {
            var drawn = endpoints[Random.Shared.Next(endpoints.Length)];
            if (drawn.ActiveCalls < best.ActiveCalls)
            {
                best = drawn;
            }
        }

        return best;
    }
}

/// <summary>Endpoints of unequal weight: each as likely as <c>weight / (active calls + 1)^bias</c> says (Envoy).</summary>
/// <remarks>
/// Envoy keeps a queue by these weights, which needs a lock and is as old as the last time that each was picked. Here they are of this
/// moment: over all endpoints of a small group, over a few drawn by their plain weights in a large one.
/// </remarks>
/// <param name="endpoints">Those that may be picked.</param>
/// <param name="weights">Their weights.</param>
/// <param name="table">The same, to draw by.</param>
/// <param name="bias">0: load does not count.</param>
internal sealed class WeightedLeastRequestBalancer(ClusterEndpoint[] endpoints, double[] weights, WeightTable table, double bias) : Balancer(endpoints)
{
    private const int SmallGroup = 64;
    private const int Draws = 16;

    public override ClusterEndpoint Pick(in PickInput input) => Endpoints.Length <= SmallGroup ? PickOfAll() : PickOfDrawn();

    private ClusterEndpoint PickOfAll()
    {
        Span<double> limits = stackalloc double[SmallGroup];
        var total = 0.0;
        for (var i = 0; i < weights.Length; i++)
        {
            limits[i] = total += weights[i] * Ease(Endpoints[i]);
        }

        return Endpoints[Find(limits[..weights.Length], total)];
    }

    private ClusterEndpoint PickOfDrawn()
    {
        Span<int> drawn = stackalloc int[Draws];
        Span<double> limits = stackalloc double[Draws];
        var total = 0.0;
        for (var i = 0; i < Draws; i++)
        {
            drawn[i] = table.Find(Random.Shared.NextDouble());
            limits[i] = total += Ease(Endpoints[drawn[i]]);
        }

        return Endpoints[drawn[Find(limits, total)]];
    }

    private double Ease(ClusterEndpoint endpoint)
    {
        var load = endpoint.ActiveCalls + 1.0;
        return bias == 1 ? 1 / load : bias == 0 ? 1 : Math.Pow(load, -bias);
    }

    private static int Find(ReadOnlySpan<double> limits, double total)
    {
        var point = Random.Shared.NextDouble() * total;
        var i = 0;
        while (i < limits.Length - 1 && point >= limits[i])
        {
            i++;
        }

        return i;
    }
}
