using System.Collections.Immutable;

namespace ProxylessMesh.Xds.Resources;

/// <summary>A valid <c>envoy.config.core.v3.HealthCheck</c>: how each endpoint is asked whether it is well.</summary>
internal sealed record HealthCheckConfig
{
    public HealthCheckKind Kind { get; init; }

    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The most that is added to an interval, drawn anew each time.</summary>
    public TimeSpan IntervalJitter { get; init; }

    /// <summary>Failures in a row after which a healthy endpoint is out.</summary>
    public int UnhealthyThreshold { get; init; } = 3;

    /// <summary>Passes in a row after which it is back; the first check of all needs only one.</summary>
    public int HealthyThreshold { get; init; } = 1;

    /// <summary>For HTTP: the path, beginning with '/'.</summary>
    public string Path { get; init; } = "/";

    /// <summary>For HTTP: <c>host</c>; for gRPC: <c>authority</c>. Empty: the cluster's name.</summary>
    public string Host { get; init; } = "";

    /// <summary>For HTTP: statuses that pass, each range [start, end); empty: 200.</summary>
    public ImmutableArray<(int Start, int End)> ExpectedStatuses { get; init; } = [];

    /// <summary>For gRPC: the <c>service</c> asked for.</summary>
    public string GrpcService { get; init; } = "";
}

/// <summary>What a check does.</summary>
internal enum HealthCheckKind
{
    Http,
    Grpc,

    /// <summary>Opens a connection (with TLS where the endpoint speaks it).</summary>
    Tcp,
}
