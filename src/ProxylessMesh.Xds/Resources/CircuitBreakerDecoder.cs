using Envoy.Config.Cluster.V3;
using Envoy.Config.Core.V3;

namespace ProxylessMesh.Xds.Resources;

/// <summary>The thresholds of one priority (gRFC A32); none is without limit.</summary>
internal static class CircuitBreakerDecoder
{
    public static CircuitBreakerConfig Decode(CircuitBreakers? wire, RoutingPriority priority, DecodeErrors errors)
    {
        // A32: the first of a priority counts.
        var limits = wire?.Thresholds.FirstOrDefault(threshold => threshold.Priority == priority);
        if (limits is null)
        {
            return CircuitBreakerConfig.Unlimited;
        }

        var budget = limits.RetryBudget;
        return new CircuitBreakerConfig
        {
            MaxConnections = limits.MaxConnections,
            MaxPendingRequests = limits.MaxPendingRequests,
            MaxRequests = limits.MaxRequests,
            MaxRetries = limits.MaxRetries,
            HasRetryBudget = budget is not null,
            RetryBudgetPercent = ValueDecoder.Percent(budget?.BudgetPercent, CircuitBreakerConfig.Unlimited.RetryBudgetPercent, "circuit_breakers.thresholds.retry_budget.budget_percent", errors),
            RetryBudgetMinConcurrency = (int)Math.Min(budget?.MinRetryConcurrency ?? 3, int.MaxValue),
        };
    }
}
