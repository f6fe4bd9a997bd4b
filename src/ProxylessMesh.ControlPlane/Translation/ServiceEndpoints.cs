using System.Collections.Immutable;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>Who serves a port of a service.</summary>
internal sealed class ServiceEndpoints(ManifestSet manifests, TrustDomain trustDomain)
{
    /// <param name="service">The service.</param>
    /// <param name="port">The port that callers name.</param>
    /// <param name="tls">What a DestinationRule says; null: the endpoints decide.</param>
    public ImmutableArray<ServiceEndpoint> Of(MeshService service, int port, ClientTlsMode? tls)
        => service.IsLookedUp && service.Endpoints.IsEmpty && service.Workloads.IsEmpty
            ? [.. Itself(service, port)]
            : [.. Joined(service, port, tls), .. Written(service, port, tls)];

    // An entry without endpoints, and a Service that is another name: the name itself.
    private static IEnumerable<ServiceEndpoint> Itself(MeshService service, int port)
    {
        var target = service.Declared(port) is { } declared ? declared.TargetPort ?? declared.Port : service.TakesAnyPort ? port : 0;
        return target == 0 ? [] : [new ServiceEndpoint { Address = service.DnsName, Port = target, AppProtocol = service.Declared(port)?.AppProtocol ?? "" }];
    }

    private IEnumerable<ServiceEndpoint> Joined(MeshService service, int port, ClientTlsMode? tls)
        => from workload in service.Workloads
           let serving = service.Serving(workload, port)
           where serving is not null
           select new ServiceEndpoint
           {
               Address = workload.Addresses[0].ToString(),
               OtherAddress = workload.Addresses.FirstOrDefault(address => address.AddressFamily != workload.Addresses[0].AddressFamily)?.ToString(),
               Port = serving.Value.Number,
               AppProtocol = serving.Value.AppProtocol,
               Health = workload.Health == WorkloadHealth.NotServing && service.Manifest?.PublishesNotReadyAddresses == true ? WorkloadHealth.Serving : workload.Health,
               Locality = workload.Locality,
               Labels = workload.Labels,
               Identity = workload.Id.ToString(),
               TakesMeshTls = tls switch
               {
                   null => serving.Value.TakesMeshTls && MtlsModes.Of(manifests, workload).For(serving.Value.Number) != MtlsMode.Disable,
                   ClientTlsMode.IstioMutual => true,
                   _ => false,
               },
           };

    private IEnumerable<ServiceEndpoint> Written(MeshService service, int port, ClientTlsMode? tls)
        => from endpoint in service.Endpoints
           where endpoint.Address.Length > 0
           let declared = service.Declared(port)
           let number = Number(endpoint, declared, service.TakesAnyPort ? port : 0)
           where number > 0
           select new ServiceEndpoint
           {
               Address = endpoint.Address,
               Port = number,
               AppProtocol = declared?.AppProtocol ?? "",
               Locality = ServiceEndpoint.ParseLocality(endpoint.Locality),
               Labels = endpoint.Labels,
               Weight = (uint)endpoint.Weight,
               Identity = SpiffeId.ForServiceAccount(trustDomain, service.Namespace, endpoint.ServiceAccount.Length > 0 ? endpoint.ServiceAccount : "default").ToString(),
               TakesMeshTls = tls switch { null => endpoint.TakesMeshTls, ClientTlsMode.IstioMutual => true, _ => false },
           };

    private static int Number(EntryEndpoint endpoint, ServicePort? declared, int any)
        => declared is null ? any : endpoint.Ports.GetValueOrDefault(declared.Name) is > 0 and { } own ? own : declared.TargetPort ?? declared.Port;
}
