using System.Collections.Immutable;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>A service as the mesh sees it: its name, its ports and the workloads behind it.</summary>
internal sealed record MeshService
{
    /// <summary>The full name, such as <c>catalog.shop.svc.cluster.local</c>.</summary>
    public required string Host { get; init; }

    public required string Name { get; init; }

    public required string Namespace { get; init; }

    /// <summary>Null: the service exists by its workloads, or because a manifest speaks of it.</summary>
    public ServiceManifest? Manifest { get; init; }

    /// <summary>By instance id.</summary>
    public ImmutableArray<Workload> Workloads { get; init; } = [];

    /// <summary>What routes name besides what the service has: ports that it does not declare, subsets that no DestinationRule defines.</summary>
    public ImmutableArray<ServiceReference> References { get; init; } = [];

    /// <summary>Without a list of ports, any port that callers name stands for a workload's first.</summary>
    public bool TakesAnyPort => Manifest is null || Manifest.Ports.IsEmpty;

    /// <summary>The ports that have a listener, in ascending order.</summary>
    public ImmutableArray<int> ListenerPorts => TakesAnyPort ? [ListenerNames.DefaultPort] : [.. Manifest!.Ports.Select(port => port.Port).Distinct().Order()];

    /// <summary>
    /// The port that an authority means; null where the service has no such port. An authority without a port means 80, or where the
    /// service has no port 80, its first.
    /// </summary>
    public int? ListenerPort(int? named)
    {
        var ports = ListenerPorts;
        if (TakesAnyPort)
        {
            return ports[0];
        }

        return named switch
        {
            null when !ports.Contains(ListenerNames.DefaultPort) => Manifest!.Ports[0].Port,
            null => ListenerNames.DefaultPort,
            { } port when ports.Contains(port) => port,
            _ => null,
        };
    }

    /// <summary>The port under which the cluster of a route's destination stands.</summary>
    public int ClusterPort(int named) => TakesAnyPort ? ListenerNames.DefaultPort : named;

    /// <summary>The declared port, or null.</summary>
    public ServicePort? Declared(int port) => Manifest?.Ports.FirstOrDefault(candidate => candidate.Port == port);
}

/// <summary>A destination that a manifest names.</summary>
/// <param name="Port">Null: the ports of the service.</param>
/// <param name="Subset">Empty: the whole service.</param>
internal readonly record struct ServiceReference(int? Port, string Subset);
