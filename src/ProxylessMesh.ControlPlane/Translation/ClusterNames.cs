namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>Names of resources. Clusters have Istio's form, so that tools and people that know it can read ours.</summary>
internal static class ClusterNames
{
    /// <summary><c>outbound|80|v1|catalog.shop.svc.cluster.local</c>; an empty subset is the whole service.</summary>
    public static string Cluster(string host, int port, string subset = "") => $"outbound|{port}|{subset}|{host}";

    /// <summary><c>catalog.shop.svc.cluster.local:80</c>: the route configuration, and the listener by its canonical name.</summary>
    public static string Route(string host, int port) => $"{host}:{port}";
}
