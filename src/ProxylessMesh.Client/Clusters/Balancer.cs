using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>Picks one endpoint of a group that has at least one.</summary>
internal abstract class Balancer
{
    public abstract ClusterEndpoint Pick(PickGroup group);

    public static Balancer For(LoadBalancerConfig config) => config.Kind switch
    {
        LoadBalancerKind.LeastRequest => new LeastRequestBalancer(config.ChoiceCount),
        LoadBalancerKind.Random => new RandomBalancer(),
        _ => new RoundRobinBalancer(),
    };
}

/// <summary>One after the other.</summary>
internal sealed class RoundRobinBalancer : Balancer
{
    public override ClusterEndpoint Pick(PickGroup group) => group.Endpoints[group.NextTurn() % (uint)group.Endpoints.Length];
}

/// <summary>Any.</summary>
internal sealed class RandomBalancer : Balancer
{
    public override ClusterEndpoint Pick(PickGroup group) => group.Endpoints[Random.Shared.Next(group.Endpoints.Length)];
}

/// <summary>The least loaded of a few drawn at random (gRFC A48).</summary>
/// <param name="choiceCount">Endpoints to draw, from 2 to 10. Drawn with replacement, as A48 asks.</param>
internal sealed class LeastRequestBalancer(int choiceCount) : Balancer
{
    public override ClusterEndpoint Pick(PickGroup group)
    {
        var endpoints = group.Endpoints;
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
