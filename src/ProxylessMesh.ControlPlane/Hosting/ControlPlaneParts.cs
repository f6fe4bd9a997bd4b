using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using ProxylessMesh.ControlPlane.Admin;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.ControlPlane.Calls;
using ProxylessMesh.ControlPlane.Federation;
using ProxylessMesh.ControlPlane.Keys;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Hosting;

/// <summary>The services of a control plane. Hosted ones start in this order: what is known first, then what is made from it.</summary>
internal static class ControlPlaneParts
{
    public static IServiceCollection AddControlPlaneParts(this IServiceCollection services)
    {
        services.AddRouting();
        services.AddGrpc(static grpc => grpc.MaxReceiveMessageSize = 4 * 1024 * 1024);
        services.AddMeshCa();

        services.AddSingleton<OwnBundle>();
        services.AddSingleton<FederatedBundles>();
        services.AddSingleton<BundleDocuments>();
        services.AddSingleton<BundleEndpointClient>();
        services.AddSingleton<StateFolder>();
        services.AddSingleton<ManifestStore>();
        services.AddSingleton(static provider => new WorkloadRegistry(
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<IOptions<MeshControlPlaneOptions>>().Value.WorkloadGracePeriod));
        services.AddSingleton<SnapshotSource>();
        services.AddSingleton<NodeResources>();
        services.AddSingleton<DrainWatch>();
        services.AddSingleton<WorkloadConversations>();
        services.AddSingleton<CallSurvey>();
        services.AddSingleton<PolicyPreview>();
        services.AddSingleton<MigrationSurvey>();
        services.AddSingleton<ISnapshotContentSource, SnapshotContent>();
        services.AddSingleton<OperatorToken>();
        services.AddSingleton<ExperimentClock>();
        services.AddSingleton(static provider => new MeshTranslator(TrustDomain.Parse(provider.GetRequiredService<IOptions<MeshControlPlaneOptions>>().Value.TrustDomain)));
        services.AddHostedService<FederationPoller>();
        services.AddHostedService<LastKnownWorkloads>();
        services.AddSingleton(static provider => new KeySetFetcher(provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<KeySetFile>();
        services.AddSingleton<KeySetSource>();
        services.AddHostedService(static provider => provider.GetRequiredService<KeySetSource>());
        services.AddHostedService<SnapshotPublisher>();
        services.AddHostedService<ManifestWatcher>();
        return services;
    }
}
