using Microsoft.AspNetCore.Builder;
using ProxylessMesh.ControlPlane;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Embeds a control plane in an ASP.NET app.</summary>
public static class MeshControlPlaneBuilderExtensions
{
    /// <summary>
    /// Adds a control plane with its own listener (<see cref="MeshControlPlaneOptions.Listen"/>) to the app. Its endpoints answer on that
    /// listener only; the app's own listeners and endpoints are left as they are. May be called twice.
    /// </summary>
    /// <param name="builder">The app's builder.</param>
    /// <param name="configure">Changes options after the configuration section has been read.</param>
    /// <returns><paramref name="builder"/>.</returns>
    public static WebApplicationBuilder AddMeshControlPlane(this WebApplicationBuilder builder, Action<MeshControlPlaneOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var options = builder.Services.AddOptions<MeshControlPlaneOptions>().Bind(builder.Configuration.GetSection(MeshControlPlaneOptions.SectionName)).ValidateOnStart();
        if (configure is not null)
        {
            options.Configure(configure);
        }

        return builder;
    }
}
