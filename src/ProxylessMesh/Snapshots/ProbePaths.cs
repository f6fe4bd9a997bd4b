using System.Collections.Frozen;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace ProxylessMesh.Snapshots;

/// <summary>
/// <c>Mesh:Inbound:ProbePaths</c>: what a kubelet or a load balancer asks, which have no identity. Whatever a port's mode and policy, these
/// paths are answered, exactly as written and by GET, HEAD or gRPC; nothing else is let in by them.
/// </summary>
internal sealed class ProbePaths(IOptions<MeshOptions> options)
{
    private readonly FrozenSet<string> _paths = options.Value.Inbound.ProbePaths.ToFrozenSet(StringComparer.Ordinal);

    public bool IsEmpty => _paths.Count == 0;

    public bool Contains(HttpRequest request)
        => _paths.Count > 0
            && _paths.Contains(request.Path.Value ?? "")
            && (HttpMethods.IsGet(request.Method)
                || HttpMethods.IsHead(request.Method)
                || (HttpMethods.IsPost(request.Method) && request.ContentType is { } type && type.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase)));
}
