using Envoy.Config.Core.V3;
using Envoy.Type.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>Active health checks of a cluster's endpoints.</summary>
internal static class HealthCheckTranslator
{
    public static HealthCheck Translate(HealthCheckSettings manifest)
    {
        var check = new HealthCheck
        {
            Interval = manifest.Interval.ToDuration(),
            Timeout = manifest.Timeout.ToDuration(),
            HealthyThreshold = (uint)manifest.HealthyThreshold,
            UnhealthyThreshold = (uint)manifest.UnhealthyThreshold,
        };
        switch (manifest.Kind)
        {
            case HealthCheckKind.Grpc:
                check.GrpcHealthCheck = new HealthCheck.Types.GrpcHealthCheck { ServiceName = manifest.GrpcService };
                break;
            case HealthCheckKind.Tcp:
                check.TcpHealthCheck = new HealthCheck.Types.TcpHealthCheck();
                break;
            default:
                check.HttpHealthCheck = Http(manifest);
                break;
        }

        return check;
    }

    private static HealthCheck.Types.HttpHealthCheck Http(HealthCheckSettings manifest) => new()
    {
        Path = manifest.Path,
        Host = manifest.Host,
        ExpectedStatuses = { manifest.ExpectedStatuses.Select(status => new Int64Range { Start = status, End = status + 1 }) },
    };
}
