using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using ProxylessMesh;
using ProxylessMesh.Authorization;
using ProxylessMesh.Client;
using ProxylessMesh.Client.Workloads;
using ProxylessMesh.External;
using ProxylessMesh.Listening;
using ProxylessMesh.Load;
using ProxylessMesh.Snapshots;
using ProxylessMesh.Summaries;
using ProxylessMesh.Telemetry;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>The server side of the mesh: Kestrel's endpoints.</summary>
internal static class MeshInboundServiceCollectionExtensions
{
    public static IServiceCollection AddMeshInbound(this IServiceCollection services)
    {
        if (services.Any(static service => service.ImplementationType == typeof(MeshKestrelSetup)))
        {
            return services;
        }

        // First of all: Kestrel applies the endpoint defaults when an endpoint is added, so they must be there before the application's
        // endpoints; and no other startup filter may change a request before it is authorized.
        services.Insert(0, ServiceDescriptor.Singleton<IConfigureOptions<KestrelServerOptions>, MeshKestrelSetup>());
        services.Insert(0, ServiceDescriptor.Singleton<IStartupFilter, MeshStartupFilter>());
        services.AddMetrics();
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<InboundMeter>();
        services.TryAddSingleton(static provider => new AuthorizerClients(() => provider.GetRequiredService<MeshHttpHandlerFactory>().Create(new AuthorizerClients.OutsideHandler())));
        services.TryAddSingleton<Authorizer>();
        services.TryAddSingleton<InboundPorts>();
        services.TryAddSingleton<CallSummaries>();
        services.TryAddSingleton<CallReporter>();
        services.TryAddSingleton(static provider => new CallQuestionAnswer(provider.GetRequiredService<CallReporter>().Answer));
        services.TryAddSingleton<InboundSubscriptions>();
        services.TryAddSingleton<ServerLoad>();
        services.TryAddSingleton<ProbePaths>();
        services.TryAddSingleton<HandshakeLimit>();
        services.TryAddSingleton<ConnectionGate>();
        services.TryAddSingleton(new HandshakeTimeout(TimeSpan.FromSeconds(10)));
        services.TryAddSingleton(static provider => TlsSettings.Policy(provider.GetRequiredService<IOptions<MeshOptions>>().Value.Tls));
        services.TryAddSingleton<InboundTls>();
        services.AddSingleton<IAuthorizationMiddlewareResultHandler, MeshPeerRefusal>();
        return services;
    }

    /// <summary>Tells the control plane where and how this process is, and drains it at shutdown. After the client side: that registers.</summary>
    public static IServiceCollection AddMeshRegistration(this IServiceCollection services)
    {
        if (services.Any(static service => service.ImplementationType == typeof(InboundLifecycle)))
        {
            return services;
        }

        services.TryAddSingleton<WorkloadServesCalls>();
        services.TryAddSingleton<InboundReadiness>();
        services.ConfigureOpenTelemetryMeterProvider(static metrics => metrics.AddMeter("Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel"));
        services.ConfigureOpenTelemetryTracerProvider(static traces => traces.AddSource("Microsoft.AspNetCore"));
        services.AddHealthChecks().AddCheck<InboundReadiness>(InboundReadiness.Name, tags: ["ready"]);
        services.AddHostedService<InboundLifecycle>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IPostConfigureOptions<HostOptions>, ShutdownTimeoutSetup>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IPostConfigureOptions<MeshOptions>, ForeignServerSetup>());
        return services;
    }
}
