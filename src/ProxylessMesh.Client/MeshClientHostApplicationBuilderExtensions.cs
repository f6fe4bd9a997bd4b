using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh;

namespace Microsoft.Extensions.Hosting;

/// <summary>Adds the client side of the mesh to a host.</summary>
public static class MeshClientHostApplicationBuilderExtensions
{
    /// <summary>
    /// Joins the mesh as a caller (workers, consoles): every <see cref="IHttpClientFactory"/> client and gRPC client of the process
    /// goes through it. Options come from the <c>Mesh</c> section. Calling it twice adds nothing but <paramref name="configure"/>.
    /// </summary>
    /// <typeparam name="TBuilder">The kind of builder.</typeparam>
    /// <param name="builder">The host's builder.</param>
    /// <param name="configure">Sets options, after the <c>Mesh</c> section.</param>
    /// <returns><paramref name="builder"/>.</returns>
    public static TBuilder AddMeshClient<TBuilder>(this TBuilder builder, Action<MeshOptions>? configure = null)
        where TBuilder : IHostApplicationBuilder
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddMeshClient(configure);
        return builder;
    }
}
