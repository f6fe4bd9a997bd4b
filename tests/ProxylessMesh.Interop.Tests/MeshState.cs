using Envoy.Config.Endpoint.V3;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.ControlPlane;
using ProxylessMesh.ControlPlane.Hosting;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.EndToEnd.Tests;

namespace ProxylessMesh.Interop.Tests;

/// <summary>What a control plane in this process serves at the moment.</summary>
internal static class MeshState
{
    public static Uri PlaintextXds(this TestMesh mesh)
        => mesh.ControlPlane.GetRequiredService<MeshControlPlaneAddress>().PlaintextXds ?? throw new InvalidOperationException("The mesh has no plaintext xDS port.");

    /// <summary>The control plane's own services.</summary>
    public static IServiceProvider Parts(this TestMesh mesh) => mesh.ControlPlane.GetRequiredService<ControlPlaneHost>().Services;

    /// <summary>Waits until the manifests are in force and a service has so many endpoints.</summary>
    public static Task SettledAsync(this TestMesh mesh, string canonical, int endpoints, CancellationToken cancellationToken)
        => Eventually.TrueAsync(() => Task.FromResult(IsSettled(mesh.Parts().GetRequiredService<SnapshotSource>().Current, canonical, endpoints)), cancellationToken);

    private static bool IsSettled(XdsSnapshot snapshot, string canonical, int endpoints)
    {
        var (host, port) = (canonical.Split(':')[0], canonical.Split(':')[1]);
        return !snapshot.Manifests.All.IsEmpty
            && snapshot.Endpoints.TryGetValue($"outbound|{port}||{host}", out var resource)
            && ClusterLoadAssignment.Parser.ParseFrom(resource.Bytes).Endpoints.Sum(locality => locality.LbEndpoints.Count) == endpoints;
    }
}
