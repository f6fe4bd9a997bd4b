using System.Collections.Immutable;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>A service as the mesh sees it: its name, its ports and who is behind it.</summary>
internal sealed record MeshService
{
    /// <summary>The full name, such as <c>catalog.shop.svc.cluster.local</c>; of a ServiceEntry, its host as <see cref="HostNames.Resolve"/> gives it.</summary>
    public required string Host { get; init; }

    public required string Name { get; init; }

    public required string Namespace { get; init; }

    /// <summary>Null: the service exists by its workloads, by a ServiceEntry, or because a manifest speaks of it.</summary>
    public ServiceManifest? Manifest { get; init; }

    /// <summary>The ServiceEntry that it exists by; null: none.</summary>
    public ServiceEntryManifest? Entry { get; init; }

    /// <summary>By instance id.</summary>
    public ImmutableArray<Workload> Workloads { get; init; } = [];

    /// <summary>Tell under which of its own ports a workload serves one that callers aim at.</summary>
    public SidecarScopes Sidecars { get; init; } = SidecarScopes.None;

    /// <summary>Who is behind it without having joined.</summary>
    public ImmutableArray<EntryEndpoint> Endpoints { get; init; } = [];

    /// <summary>What DNS knows the host by.</summary>
    public string DnsName => Manifest is { ExternalName.Length: > 0 } named ? named.ExternalName : HostNames.AsCalled(Host);

    /// <summary>Its endpoints are names that clients look up.</summary>
    public bool IsLookedUp => Manifest is { ExternalName.Length: > 0 }
        || Entry is { Resolution: ServiceEntryResolution.None or ServiceEntryResolution.Dns or ServiceEntryResolution.DnsRoundRobin or ServiceEntryResolution.DynamicDns };

    /// <summary>The ports that it declares; none: see <see cref="TakesAnyPort"/>.</summary>
    public ImmutableArray<ServicePort> Ports => Manifest?.Ports ?? (Entry is null ? [] : PortsOf(Entry));

    /// <summary>Without a list of ports, any port that callers name stands for a workload's first.</summary>
    public bool TakesAnyPort => Entry is null && (Manifest is null || Manifest.Ports.IsEmpty);

    /// <summary>The ports that have a listener, in ascending order.</summary>
    public ImmutableArray<int> ListenerPorts => TakesAnyPort ? [ListenerNames.DefaultPort] : [.. Ports.Select(port => port.Port).Distinct().Order()];

    /// <summary>The ports of a ServiceEntry in the words of a Service.</summary>
    public static ImmutableArray<ServicePort> PortsOf(ServiceEntryManifest entry)
        => [.. entry.Ports.Select(port => new ServicePort { Name = port.Name, Port = port.Number, TargetPort = port.TargetPort ?? port.Number, AppProtocol = AppProtocol(port.Protocol) })];

    /// <summary>Whether clients of a namespace know the host.</summary>
    public bool IsVisibleIn(string @namespace) => Entry is null || Entry.IsVisibleIn(@namespace);

    /// <summary>
    /// The port that an authority means; null where the service has no such port. An authority without a port means 80, or where the
    /// service has no port 80, its first. An https address that names no port comes as 443, which a service of the mesh need not have:
    /// there it means no more than that.
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
            { } port when ports.Contains(port) => port,
            null when ports.Contains(ListenerNames.DefaultPort) => ListenerNames.DefaultPort,
            null => Ports is [var first, ..] ? first.Port : null,
            ListenerNames.HttpsPort when Entry is null => ListenerPort(null),
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

        var declared = Declared(port);
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

    /// <summary>The port of that number as it is declared; null where it is not.</summary>
    public ServicePort? Declared(int port) => Ports.FirstOrDefault(candidate => candidate.Port == port);

    private static ServingPort? First(Workload workload, Func<ServingPort, bool> matches)
        => workload.Ports.Where(matches).Select(port => (ServingPort?)port).FirstOrDefault();

    private static string? AppProtocol(string protocol) => protocol switch
    {
        "HTTP2" => "http2",
        "GRPC" or "GRPC-WEB" => "grpc",
        "HTTPS" or "TLS" => "https",
        _ => null,
    };
}
