using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh;

namespace Microsoft.Extensions.Hosting;

/// <summary>Adds the mesh to an application in one line.</summary>
public static class MeshHostApplicationBuilderExtensions
{
    /// <summary>
    /// Joins the mesh: every HttpClient and gRPC client calls through it, and every Kestrel endpoint takes mesh TLS and asks the mesh's
    /// policies before the application. Calling it twice adds nothing.
    /// </summary>
    /// <typeparam name="TBuilder">The kind of builder.</typeparam>
    /// <param name="builder">The application's builder.</param>
    /// <param name="configure">Sets what the <c>Mesh</c> configuration section does not.</param>
    /// <returns><paramref name="builder"/>.</returns>
    public static TBuilder AddMesh<TBuilder>(this TBuilder builder, Action<MeshOptions>? configure = null)
        where TBuilder : IHostApplicationBuilder
    {
        ArgumentNullException.ThrowIfNull(builder);

        builder.AddMeshClient(configure);
        builder.Services.AddMeshInbound();
        builder.Services.AddMeshRegistration();
        return builder;
    }
}
