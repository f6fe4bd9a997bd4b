using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>The server side of the mesh: Kestrel's endpoints.</summary>
internal static class MeshInboundServiceCollectionExtensions
{
    public static IServiceCollection AddMeshInbound(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        return services;
    }
}
