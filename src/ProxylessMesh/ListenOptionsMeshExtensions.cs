using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.Listening;

namespace Microsoft.AspNetCore.Hosting;

/// <summary>Puts the mesh on one Kestrel endpoint.</summary>
public static class ListenOptionsMeshExtensions
{
    /// <summary>
    /// Takes mesh TLS on this endpoint. <c>AddMesh()</c> does it for every endpoint by itself; only an application that calls
    /// <c>ConfigureEndpointDefaults</c>, which replaces that, needs it. Calling it twice adds nothing.
    /// </summary>
    /// <param name="listen">The endpoint.</param>
    /// <returns><paramref name="listen"/>.</returns>
    public static ListenOptions UseMesh(this ListenOptions listen)
    {
        ArgumentNullException.ThrowIfNull(listen);

        listen.ApplicationServices.GetRequiredService<InboundTls>().Use(listen);
        return listen;
    }
}
