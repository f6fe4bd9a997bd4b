using Yarp.ReverseProxy.Transforms;
using Yarp.ReverseProxy.Transforms.Builder;

namespace ProxylessMesh.Yarp;

/// <summary>
/// Takes the mesh's own headers off a request from outside, as Envoy does at its edge: what a stranger says of identity, deadline,
/// attempts, faults and criticality means nothing inside. A caller that proved a workload identity to the gateway keeps all of them but
/// <c>x-forwarded-client-cert</c>.
/// </summary>
internal sealed class EdgeTransforms : ITransformProvider
{
    private const string ClientCertificate = "x-forwarded-client-cert";

    public void ValidateRoute(TransformRouteValidationContext context)
    {
        // Nothing of a route concerns this.
    }

    public void ValidateCluster(TransformClusterValidationContext context)
    {
        // Nothing of a cluster concerns this.
    }

    // In front of the gateway's own transforms: what those set stays, whatever a stranger sent by that name.
    public void Apply(TransformBuilderContext context) => context.RequestTransforms.Insert(0, new StripTransform());

    private sealed class StripTransform : RequestTransform
    {
        public override ValueTask ApplyAsync(RequestTransformContext context)
        {
            var headers = context.ProxyRequest.Headers;
            headers.Remove(ClientCertificate);
            if (context.HttpContext.Features.Get<IMeshPeerFeature>() is not { Id: not null })
            {
                foreach (var (name, _) in context.HttpContext.Request.Headers)
                {
                    if (name.StartsWith("x-envoy-", StringComparison.OrdinalIgnoreCase) || name.StartsWith("x-mesh-", StringComparison.OrdinalIgnoreCase))
                    {
                        headers.Remove(name);
                    }
                }
            }

            return ValueTask.CompletedTask;
        }
    }
}
