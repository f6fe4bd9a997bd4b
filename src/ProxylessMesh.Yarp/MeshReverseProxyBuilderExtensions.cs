using Microsoft.Extensions.DependencyInjection.Extensions;
using ProxylessMesh.Yarp;
using Yarp.ReverseProxy.Forwarder;
using Yarp.ReverseProxy.Transforms.Builder;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Makes a YARP reverse proxy the ingress of a mesh.</summary>
public static class MeshReverseProxyBuilderExtensions
{
    /// <summary>
    /// Sends the proxy's calls through the mesh: a cluster whose destination is <c>http://catalog</c> goes to the service <c>catalog</c>, by
    /// its routes, over mTLS with this process's identity. Destinations that are no names of the mesh go where they say. Needs
    /// <c>builder.AddMesh()</c> or <c>builder.AddMeshClient()</c>. May be called twice.
    /// </summary>
    /// <param name="proxy">What <c>AddReverseProxy()</c> returned.</param>
    /// <returns><paramref name="proxy"/>.</returns>
    public static IReverseProxyBuilder AddMesh(this IReverseProxyBuilder proxy)
    {
        ArgumentNullException.ThrowIfNull(proxy);
        proxy.Services.TryAddEnumerable(ServiceDescriptor.Singleton<ITransformProvider, EdgeTransforms>());
        proxy.Services.Replace(ServiceDescriptor.Singleton<IForwarderHttpClientFactory, MeshForwarderHttpClientFactory>());
        return proxy;
    }
}
