namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>A cluster that a route sends calls to. Clients wait for every cluster a route names, so each one named must exist.</summary>
/// <param name="Host">The full name of the service.</param>
/// <param name="Port">The port of the cluster's name.</param>
/// <param name="Subset">Empty: the whole service.</param>
internal readonly record struct ClusterReference(string Host, int Port, string Subset)
{
    public string Name => ClusterNames.Cluster(Host, Port, Subset);
}
