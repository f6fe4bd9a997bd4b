using System.Diagnostics;

namespace ProxylessMesh.Yarp;

/// <summary>
/// Takes the trace headers off that the proxy copied from its caller: the proxy's own span stands between the two, and the mesh writes it.
/// </summary>
internal sealed class FreshTraceHandler : DelegatingHandler
{
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (Activity.Current is not null)
        {
            foreach (var field in DistributedContextPropagator.Current.Fields)
            {
                request.Headers.Remove(field);
            }
        }

        return base.SendAsync(request, cancellationToken);
    }
}
