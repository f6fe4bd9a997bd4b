using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>Settings of one destination; null is not set.</summary>
public sealed record TrafficPolicy
{
    /// <summary>Nothing is set.</summary>
    public static readonly TrafficPolicy None = new();

    /// <summary><c>loadBalancer</c>.</summary>
    public LoadBalancerSettings? LoadBalancer { get; init; }

    /// <summary><c>outlierDetection</c>.</summary>
    public OutlierDetection? OutlierDetection { get; init; }

    /// <summary><c>connectionPool</c>.</summary>
    public ConnectionPool? ConnectionPool { get; init; }

    /// <summary><c>tls</c>.</summary>
    public ClientTls? Tls { get; init; }

    /// <summary><c>retryBudget</c>.</summary>
    public RetryBudgetSettings? RetryBudget { get; init; }

    /// <summary><c>portLevelSettings</c>, each port once.</summary>
    public ImmutableArray<PortTrafficPolicy> Ports { get; init; } = [];

    /// <summary>
    /// What holds for one port: its own settings take the place of balancing, ejection, pool and TLS as a whole, so what they leave
    /// out is at its default, as Istio documents.
    /// </summary>
    public TrafficPolicy For(int port)
        => Ports.FirstOrDefault(candidate => candidate.Port == port) is { } own
            ? own.Policy with { RetryBudget = RetryBudget }
            : Ports.IsEmpty ? this : this with { Ports = [] };

    /// <summary>This policy with every setting of <paramref name="narrower"/> in place of its own.</summary>
    public TrafficPolicy OverriddenBy(TrafficPolicy narrower)
    {
        ArgumentNullException.ThrowIfNull(narrower);
        return new TrafficPolicy
        {
            LoadBalancer = narrower.LoadBalancer ?? LoadBalancer,
            OutlierDetection = narrower.OutlierDetection ?? OutlierDetection,
            ConnectionPool = narrower.ConnectionPool ?? ConnectionPool,
            Tls = narrower.Tls ?? Tls,
            RetryBudget = narrower.RetryBudget ?? RetryBudget,
            Ports = narrower.Ports.IsEmpty ? Ports : narrower.Ports,
        };
    }
}

/// <summary>The settings of one port.</summary>
/// <param name="Port">Of the service.</param>
/// <param name="Policy">Without ports of its own.</param>
public sealed record PortTrafficPolicy(int Port, TrafficPolicy Policy);

/// <summary>How many calls in flight may be retries.</summary>
/// <param name="Percent">Percentage (0-100) of the calls in flight.</param>
/// <param name="MinRetryConcurrency">Retries that are always allowed.</param>
public sealed record RetryBudgetSettings(double Percent, int MinRetryConcurrency);
