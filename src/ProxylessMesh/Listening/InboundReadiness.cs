using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace ProxylessMesh.Listening;

/// <summary>
/// Health check <c>mesh-inbound</c>: healthy from the moment that every port has its policy until the drain begins to end.
/// </summary>
internal sealed class InboundReadiness : IHealthCheck
{
    public const string Name = "mesh-inbound";

    private volatile string _notReady = "The ports have not received their policy yet: check that the control plane is reachable ('mesh status').";

    public void Ready() => _notReady = "";

    public void NotReady(string why) => _notReady = why;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var why = _notReady;
        return Task.FromResult(why.Length == 0 ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy(why));
    }
}
