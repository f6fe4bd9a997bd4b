namespace ProxylessMesh.Client.Clusters;

/// <summary>Any.</summary>
internal sealed class RandomBalancer(ClusterEndpoint[] endpoints) : Balancer(endpoints)
{
    public override ClusterEndpoint Pick(in PickInput input) => Endpoints[Random.Shared.Next(Endpoints.Length)];
}

/// <summary>Any, each as likely as its weight says.</summary>
internal sealed class WeightedRandomBalancer(ClusterEndpoint[] endpoints, WeightTable weights) : Balancer(endpoints)
{
    public override ClusterEndpoint Pick(in PickInput input) => Endpoints[weights.Find(Random.Shared.NextDouble())];
}
