using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.EndToEnd.Tests;
using ProxylessMesh.Interop.Tests.Protos;

namespace ProxylessMesh.Interop.Tests;

/// <summary>Our side as a server: an ASP.NET gRPC app with <c>AddMesh</c> that answers what the peers' clients call, and names itself in headers.</summary>
internal static class EchoWorkload
{
    public static Task<TestWorkload> StartEchoAsync(this TestMesh mesh, string version)
        => mesh.StartServerAsync(
            "echo",
            app =>
            {
                app.Use((http, next) =>
                {
                    http.Response.Headers["hostname"] = version;
                    http.Response.Headers["client-id"] = http.Features.Get<IMeshPeerFeature>()?.Id?.ToString() ?? "-";
                    return next(http);
                });
                app.MapGrpcService<TestServer>();
                app.MapGrpcService<HealthServer>();
            },
            settings: new() { ["Mesh:Version"] = version },
            services: services => services.AddGrpc());

    private sealed class TestServer : TestService.TestServiceBase
    {
        public override Task<SimpleResponse> UnaryCall(SimpleRequest request, ServerCallContext context) => Task.FromResult(new SimpleResponse { ServerId = "proxylessmesh" });
    }

    private sealed class HealthServer : Health.HealthBase
    {
        public override Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context)
            => Task.FromResult(new HealthCheckResponse { Status = HealthCheckResponse.Types.ServingStatus.Serving });
    }
}
