using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Forwarder;

namespace ProxylessMesh.Yarp;

/// <summary>
/// Puts the mesh under each cluster of the proxy, above the handler that YARP would have used: that one still serves destinations that are
/// no names of the mesh, with the cluster's own settings.
/// </summary>
internal sealed class MeshForwarderHttpClientFactory(MeshHttpHandlerFactory mesh, ILogger<ForwarderHttpClientFactory> logger) : ForwarderHttpClientFactory(logger)
{
    protected override HttpMessageHandler WrapHandler(ForwarderHttpClientContext context, HttpMessageHandler handler)
        => new FreshTraceHandler { InnerHandler = mesh.Create(base.WrapHandler(context, handler)) };
}
