using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using ProxylessMesh.ControlPlane;
using ProxylessMesh.ControlPlane.Hosting;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Embeds a control plane in an app.</summary>
public static class MeshControlPlaneBuilderExtensions
{
    /// <summary>
    /// Adds a control plane with its own listener (<see cref="MeshControlPlaneOptions.Listen"/>) to the app. Its endpoints answer on that
    /// listener only; the app's own listeners and endpoints are left as they are. <see cref="MeshControlPlaneAddress"/> and
    /// <see cref="JoinTokens"/> become services of the app. May be called twice.
    /// </summary>
    /// <typeparam name="TBuilder">A web application's or a plain host's builder.</typeparam>
    /// <param name="builder">The app's builder.</param>
    /// <param name="configure">Changes options after the configuration section has been read.</param>
    /// <returns><paramref name="builder"/>.</returns>
    public static TBuilder AddMeshControlPlane<TBuilder>(this TBuilder builder, Action<MeshControlPlaneOptions>? configure = null)
        where TBuilder : IHostApplicationBuilder
    {
        ArgumentNullException.ThrowIfNull(builder);
        var services = builder.Services;
        if (configure is not null)
        {
            services.Configure(configure);
        }

        if (services.Any(static service => service.ServiceType == typeof(ControlPlaneHost)))
        {
            return builder;
        }

        // Before what a caller configured, also where it was configured by an earlier call.
        services.Insert(0, ServiceDescriptor.Singleton<IConfigureOptions<MeshControlPlaneOptions>>(
            new ConfigureNamedOptions<MeshControlPlaneOptions>(Options.Options.DefaultName, options => builder.Configuration.GetSection(MeshControlPlaneOptions.SectionName).Bind(options))));
        services.AddOptions<MeshControlPlaneOptions>().ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<MeshControlPlaneOptions>, MeshControlPlaneOptionsValidator>());
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<MeshControlPlaneAddress>();
        services.TryAddSingleton<ControlPlaneHost>();
        services.TryAddSingleton(static provider => provider.GetRequiredService<ControlPlaneHost>().Services.GetRequiredService<JoinTokens>());
        services.AddHostedService(static provider => provider.GetRequiredService<ControlPlaneHost>());
        return builder;
    }
}
