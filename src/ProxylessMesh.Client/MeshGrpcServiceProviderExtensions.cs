using Grpc.Net.Client;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.Client.Targets;

namespace ProxylessMesh;

/// <summary>Makes gRPC channels that go through the mesh, where no client factory does.</summary>
public static class MeshGrpcServiceProviderExtensions
{
    /// <summary>
    /// Makes a channel whose calls go through the mesh. Clients of <c>AddGrpcClient</c> need nothing but the target as their address.
    /// </summary>
    /// <param name="services">Services of an application that has called <c>AddMesh</c> or <c>AddMeshClient</c>.</param>
    /// <param name="target"><c>xds:///pricing</c>, <c>xds:///pricing:8080</c> (gRFC A27) or <c>http://pricing</c>: they mean the same. TLS is done by the mesh, where the service has it.</param>
    /// <param name="options">The channel's options; the handler in them is replaced.</param>
    /// <returns>A channel of the caller's own, to be disposed by it.</returns>
    /// <remarks>
    /// <see cref="GrpcChannel.ForAddress(string)"/> itself takes an <c>xds:</c> target only with .NET's socket handler below it and nothing in between.
    /// </remarks>
    /// <exception cref="ArgumentException">The target names an xDS authority, or no service.</exception>
    /// <exception cref="InvalidOperationException">The application has not joined the mesh.</exception>
    public static GrpcChannel CreateMeshChannel(this IServiceProvider services, string target, GrpcChannelOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(target);
        if (!Uri.TryCreate(target, UriKind.Absolute, out var uri))
        {
            throw new ArgumentException($"'{target}' is no gRPC target. Write {XdsTarget.Scheme}:///NAME or {XdsTarget.Scheme}:///NAME:PORT.", nameof(target));
        }

        options ??= new GrpcChannelOptions();
        options.HttpHandler = services.GetRequiredService<MeshHttpHandlerFactory>().Create();
        options.DisposeHttpClient = true;
        return GrpcChannel.ForAddress(XdsTarget.ToAddress(uri), options);
    }
}
