using Grpc.Net.ClientFactory;
using Microsoft.Extensions.Options;

namespace ProxylessMesh.Client.Targets;

/// <summary>Clients of <c>AddGrpcClient</c> may have <c>xds:///name</c> for their address.</summary>
internal sealed class XdsTargetSetup : IPostConfigureOptions<GrpcClientFactoryOptions>
{
    public void PostConfigure(string? name, GrpcClientFactoryOptions options)
        => options.Address = options.Address is { } target ? XdsTarget.ToAddress(target) : null;
}
