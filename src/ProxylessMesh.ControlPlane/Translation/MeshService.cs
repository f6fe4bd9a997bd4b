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

    /// <summary>Tell under which of its own ports a workload serves one that callers aim at.</summary>
    public SidecarScopes Sidecars { get; init; } = SidecarScopes.None;

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

    /// <summary>
    /// Where <paramref name="workload"/> serves <paramref name="port"/>; null where it does not. A workload tells its real ports, so a
    /// target port equal to the service's port, which is what a manifest means that names none, falls back to the port of the same name
    /// and then to the workload's first.
    /// </summary>
    public ServingPort? Serving(Workload workload, int port)
    {
        if (workload.Ports.IsEmpty)
        {
            return null;
        }

        if (TakesAnyPort)
        {
            return workload.Ports[0];
        }

        var declared = Manifest!.Ports.FirstOrDefault(candidate => candidate.Port == port);
        if (declared is null)
        {
            return null;
        }

        if (declared.TargetPortName is { } name)
        {
            return First(workload, candidate => candidate.Name == name);
        }

        var target = declared.TargetPort ?? declared.Port;
        if (Sidecars.IngressPort(workload, target) is { } moved)
        {
            return First(workload, candidate => candidate.Number == moved);
        }

        var sameNumber = First(workload, candidate => candidate.Number == target);
        return sameNumber is not null || target != declared.Port
            ? sameNumber
            : First(workload, candidate => candidate.Name.Length > 0 && candidate.Name == declared.Name) ?? workload.Ports[0];
    }

    private static ServingPort? First(Workload workload, Func<ServingPort, bool> matches)
        => workload.Ports.Where(matches).Select(port => (ServingPort?)port).FirstOrDefault();
}
