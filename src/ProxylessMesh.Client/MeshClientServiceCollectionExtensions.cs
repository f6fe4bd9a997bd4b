using Grpc.Net.ClientFactory;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ProxylessMesh;
using ProxylessMesh.Client;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Client.Outbound;
using ProxylessMesh.Client.Resilience;
using ProxylessMesh.Client.Snapshots;
using ProxylessMesh.Client.Targets;
using ProxylessMesh.Client.Telemetry;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds the client side of the mesh to an application's services.</summary>
public static class MeshClientServiceCollectionExtensions
{
    /// <summary>
    /// Joins the mesh as a caller: every <see cref="IHttpClientFactory"/> client and gRPC client of the process goes through it.
    /// Calling it twice adds nothing but <paramref name="configure"/>.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="configure">Sets options, after the <c>Mesh</c> section.</param>
    /// <returns><paramref name="services"/>.</returns>
    public static IServiceCollection AddMeshClient(this IServiceCollection services, Action<MeshOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);

        if (!services.Any(static service => service.ServiceType == typeof(MeshHealthCheck)))
        {
            services.AddSingleton<MeshHealthCheck>();
            AddOptions(services);
            services.AddHttpClient();
            services.AddMetrics();
            services.TryAddSingleton(TimeProvider.System);
            AddCalls(services);
            MeshClientRegistration.AddJoining(services);
            MeshClientRegistration.AddObservation(services);
        }

        if (configure is not null)
        {
            services.Configure(configure);
        }

        return services;
    }

    /// <summary>Keeps this client out of the mesh: its calls go out as if the mesh were not there.</summary>
    /// <param name="builder">The client, from <c>AddHttpClient</c> or <c>AddGrpcClient</c>.</param>
    /// <returns><paramref name="builder"/>.</returns>
    public static IHttpClientBuilder WithoutMesh(this IHttpClientBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.Configure<MeshHttpClientOptions>(builder.Name, static options => options.IsOutsideMesh = true);
        return builder;
    }

    private static void AddOptions(IServiceCollection services)
    {
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IConfigureOptions<MeshOptions>, MeshOptionsSetup>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IPostConfigureOptions<MeshOptions>, MeshOptionsSetup>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<MeshOptions>, MeshOptionsValidator>());
        services.AddOptions<MeshOptions>().ValidateOnStart();
    }

    private static ClientTraits Traits(MeshOptions.LocalityOptions locality)
        => ClientTraits.Unknown with { Region = locality.Region, Zone = locality.Zone, SubZone = locality.SubZone };

    private static void AddCalls(IServiceCollection services)
    {
        services.TryAddSingleton<MeshMeter>();
        services.TryAddSingleton<FaultInjector>();
        services.TryAddSingleton<MirrorSender>();
        services.TryAddSingleton(static provider => TlsSettings.Policy(provider.GetRequiredService<IOptions<MeshOptions>>().Value.Tls));
        services.TryAddSingleton<EndpointTlsServices>();
        services.TryAddSingleton<EndpointTransport>();
        services.TryAddSingleton(static provider => new EndpointTable(
            provider.GetRequiredService<EndpointTransport>().Create,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<MeshMeter>(),
            provider.GetRequiredService<ILogger<EndpointTable>>(),
            Traits(provider.GetRequiredService<IOptions<MeshOptions>>().Value.Locality)));
        services.TryAddSingleton<SnapshotCompiler>();
        services.TryAddSingleton<SnapshotSource>();
        services.TryAddSingleton(static provider => new CallServices(
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<MeshMeter>(),
            provider.GetRequiredService<FaultInjector>(),
            provider.GetRequiredService<MirrorSender>(),
            provider.GetRequiredService<IOptions<MeshOptions>>().Value.Outbound.RetryBufferBytes));
        services.TryAddSingleton(static provider => new MeshHttpHandlerFactory(
            provider.GetRequiredService<SnapshotSource>(),
            provider.GetRequiredService<CallServices>(),
            provider.GetRequiredService<IOptions<MeshOptions>>()));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHttpMessageHandlerBuilderFilter, MeshHandlerFilter>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IPostConfigureOptions<GrpcClientFactoryOptions>, XdsTargetSetup>());
    }
}
