using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using ProxylessMesh.ControlPlane.Ca.Doors;
using ProxylessMesh.ControlPlane.Store;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>
/// Puts the CA into a control plane. Options, clock, <see cref="StateFolder"/>, gRPC and <see cref="ISnapshotContentSource"/> come from
/// elsewhere.
/// </summary>
internal static class MeshCaExtensions
{
    /// <summary>Adds <see cref="CertificateAuthority"/>, <see cref="ControlPlaneIdentitySource"/>, <see cref="JoinTokens"/> and what the identity service needs.</summary>
    public static IServiceCollection AddMeshCa(this IServiceCollection services)
    {
        services.TryAddSingleton<CertificateAuthority>();
        services.TryAddSingleton<ControlPlaneIdentitySource>();
        services.TryAddSingleton<JoinTokenFile>();
        services.TryAddSingleton(static provider => new JoinTokens(
            provider.GetRequiredService<JoinTokenFile>(), provider.GetRequiredService<CertificateAuthority>(), provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<JoinTokens>>(), provider.GetRequiredService<LeafLedger>(), provider.GetRequiredService<AuditLog>()));
        services.TryAddSingleton<LeafLedger>();
        services.TryAddSingleton(static provider => new AuditLog(provider.GetRequiredService<StateFolder>(), provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<AuditLog>>()));
        services.TryAddSingleton<RevokedIdentities>();
        services.TryAddSingleton<MeshTrust>();
        services.TryAddSingleton<SvidIssuer>();
        services.TryAddSingleton<CallerLives>();
        services.TryAddSingleton<TrustWatches>();
        services.TryAddSingleton<FleetTrust>();
        services.TryAddSingleton<RootRotation>();
        services.TryAddSingleton<RefusalLimiter>();
        services.TryAddSingleton<Refusals>();
        services.TryAddSingleton<ServiceAccountTokens>();
        services.TryAddSingleton<CallerProof>();
        services.TryAddSingleton<BearerProof>();
        services.TryAddSingleton<SnapshotSigner>();
        services.TryAddSingleton<JwtKeyFile>();
        services.TryAddSingleton<JwtSvidSigner>();
        return services;
    }

    /// <summary>Maps the CA's doors: ours and Istio's.</summary>
    public static void MapMeshCa(this IEndpointRouteBuilder endpoints)
    {
        // Now rather than at the first token, so that a wrong kubeconfig is seen at the start.
        endpoints.ServiceProvider.GetRequiredService<ServiceAccountTokens>();
        endpoints.MapGrpcService<MeshIdentityService>();
        endpoints.MapGrpcService<IstioCaService>();
    }
}
