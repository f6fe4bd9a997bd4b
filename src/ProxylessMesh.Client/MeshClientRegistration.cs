using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.ServiceDiscovery;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using ProxylessMesh.Client.Discovery;
using ProxylessMesh.Client.Telemetry;
using ProxylessMesh.Client.Workloads;
using ProxylessMesh.Spiffe;
using ProxylessMesh.Xds.Bootstrap;
using ProxylessMesh.Xds.Client;

namespace ProxylessMesh.Client;

/// <summary>Registers what connects the process to its control plane, and what shows it from outside.</summary>
internal static class MeshClientRegistration
{
    public static void AddJoining(IServiceCollection services)
    {
        services.TryAddSingleton<MeshNode>();
        services.TryAddSingleton(IdentitySourceFactory.Create);
        services.TryAddSingleton(IdentitySourceFactory.CreateJwt);
        services.TryAddSingleton(ControlPlaneLink.Create);
        services.TryAddSingleton(CreateXdsClient);
        services.TryAddSingleton(static provider => new LocalState(
            provider.GetRequiredService<IXdsClient>(),
            provider.GetRequiredService<IdentitySource>(),
            provider.GetRequiredService<ControlPlaneLink>().Channel,
            provider.GetRequiredService<MeshNode>(),
            provider.GetRequiredService<IOptions<MeshOptions>>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<LocalState>>()));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, MeshClientStartup>(CreateStartup));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IServiceEndpointProviderFactory, MeshEndpointProviderFactory>());
    }

    /// <summary>Once per application: these have no TryAdd.</summary>
    public static void AddObservation(IServiceCollection services)
    {
        services.AddHealthChecks().AddCheck<MeshHealthCheck>("mesh", tags: ["ready"]);

        // An application with OpenTelemetry of its own gets the mesh's sources in it, and exports as it likes. Otherwise the standard
        // variable decides: without an exporter nobody pays for spans that nobody sees.
        var hasOwn = services.Any(static service => service.ServiceType == typeof(TracerProvider) || service.ServiceType == typeof(MeterProvider));
        services.ConfigureOpenTelemetryMeterProvider(static metrics => metrics.AddMeter(MeshMeter.Name));
        services.ConfigureOpenTelemetryTracerProvider(static traces => traces.AddSource(MeshMeter.Name));
        if (!hasOwn && Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT") is { Length: > 0 })
        {
            services.AddOpenTelemetry()
                .WithMetrics(static metrics => metrics.AddOtlpExporter())
                .WithTracing(static traces => traces.AddOtlpExporter());
        }
    }

    private static MeshClientStartup CreateStartup(IServiceProvider provider)
    {
        var identities = provider.GetRequiredService<IdentitySource>();
        IdentityMetrics.Add(provider.GetRequiredService<IMeterFactory>(), identities, provider.GetRequiredService<TimeProvider>());
        return new MeshClientStartup(
            provider.GetRequiredService<IXdsClient>(),
            identities,
            provider.GetRequiredService<LocalState>(),
            provider.GetRequiredService<ControlPlaneLink>().Registration,
            provider.GetRequiredService<ControlPlaneLink>().Bundles,
            provider.GetRequiredService<ILogger<MeshClientStartup>>());
    }

    private static IXdsClient CreateXdsClient(IServiceProvider provider)
    {
        var time = provider.GetRequiredService<TimeProvider>();
        var logger = provider.GetRequiredService<ILogger<XdsClient>>();
        if (XdsBootstrapReader.FromEnvironment() is { } bootstrap)
        {
            return new XdsClient(bootstrap.ToClientOptions(), time, logger);
        }

        var link = provider.GetRequiredService<ControlPlaneLink>();
        return new XdsClient(
            new XdsClientOptions
            {
                Server = provider.GetRequiredService<IOptions<MeshOptions>>().Value.ControlPlane!,
                Node = provider.GetRequiredService<MeshNode>().ToNode(),
                Handler = link.Channel?.Handler,

                // Our own control plane is back within seconds or not at all soon; gRFC A57's two minutes suit a service of the world.
                MaxBackoff = TimeSpan.FromSeconds(5),
            },
            time,
            logger);
    }
}
