using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>healthCheck</c>.</summary>
internal static class HealthCheckReader
{
    private static readonly TimeSpan OneMillisecond = TimeSpan.FromMilliseconds(1);

    public static HealthCheckSettings Read(YamlMap map)
    {
        var http = map.Map("http");
        var grpc = map.Map("grpc");
        var tcp = map.Map("tcp");
        if (new[] { http, grpc, tcp }.Count(kind => kind is not null) != 1)
        {
            map.Fail("it must name one way to ask", "Write one of 'http', 'grpc', 'tcp'");
        }

        var defaults = new HealthCheckSettings { Kind = grpc is not null ? HealthCheckKind.Grpc : tcp is not null ? HealthCheckKind.Tcp : HealthCheckKind.Http };
        var check = defaults with
        {
            Path = http?.RequiredText("path", TextRules.GatewayPath, "Write the path to ask, such as '/healthz'") ?? "/",
            Host = http?.Text("host", TextRules.Host) ?? "",
            ExpectedStatuses = http?.Field("expectedStatuses") is { } statuses ? [.. statuses.Items().Select(status => status.Integer(100, 599)).OfType<int>()] : [],
            GrpcService = grpc?.Text("service", TextRules.NotEmpty) ?? "",
            Interval = map.Duration("interval", DurationSyntax.Istio, OneMillisecond) ?? defaults.Interval,
            Timeout = map.Duration("timeout", DurationSyntax.Istio, OneMillisecond) ?? defaults.Timeout,
            HealthyThreshold = map.Integer("healthyThreshold", 1, 100) ?? defaults.HealthyThreshold,
            UnhealthyThreshold = map.Integer("unhealthyThreshold", 1, 100) ?? defaults.UnhealthyThreshold,
        };
        map.Aside("port")?.Fail("checks go where calls go, over the same connections", "Remove it, and answer the check on the port that serves calls");
        http?.End();
        grpc?.End();
        tcp?.End();
        map.End();
        return check;
    }
}
