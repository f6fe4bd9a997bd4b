using System.Collections.Frozen;
using System.Collections.Immutable;
using Envoy.Config.Route.V3;

namespace ProxylessMesh.Xds.Resources;

/// <summary>Retry policies: Envoy's conditions and gRPC's status names (gRFC A44).</summary>
internal static class RetryDecoder
{
    private static readonly TimeSpan ShortestInterval = TimeSpan.FromMilliseconds(1);

    private static readonly FrozenDictionary<string, RetryConditions> Words = new Dictionary<string, RetryConditions>
    {
        ["5xx"] = RetryConditions.ServerError,
        ["gateway-error"] = RetryConditions.GatewayError,
        ["reset"] = RetryConditions.Reset,
        ["reset-before-request"] = RetryConditions.ResetBeforeRequest,
        ["connect-failure"] = RetryConditions.ConnectFailure,
        ["refused-stream"] = RetryConditions.RefusedStream,
        ["retriable-4xx"] = RetryConditions.Retriable4xx,
        ["retriable-status-codes"] = RetryConditions.RetriableStatusCodes,
        ["cancelled"] = RetryConditions.Cancelled,
        ["deadline-exceeded"] = RetryConditions.DeadlineExceeded,
        ["internal"] = RetryConditions.Internal,
        ["resource-exhausted"] = RetryConditions.ResourceExhausted,
        ["unavailable"] = RetryConditions.Unavailable,
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    /// <summary>Null where there is no policy. A policy without a known condition retries nothing, and hides the virtual host's.</summary>
    public static RetryConfig? Decode(RetryPolicy? wire, DecodeErrors errors)
    {
        if (wire is null)
        {
            return null;
        }

        using (errors.In("retry_policy"))
        {
            var retries = wire.NumRetries ?? 1;
            if (retries == 0)
            {
                errors.Add("num_retries", 0, "must be >= 1");
            }

            var (baseInterval, maxInterval) = BackOff(wire.RetryBackOff, errors);
            return new RetryConfig
            {
                On = Conditions(wire.RetryOn),
                StatusCodes = [.. wire.RetriableStatusCodes.Where(static code => code <= 599).Select(static code => (int)code)],
                MaxRetries = (int)Math.Clamp(retries, 1, int.MaxValue),
                PerTryTimeout = ValueDecoder.Duration(wire.PerTryTimeout, "per_try_timeout", errors),
                BaseInterval = baseInterval,
                MaxInterval = maxInterval,
            };
        }
    }

    private static RetryConditions Conditions(string retryOn)
    {
        var conditions = RetryConditions.None;
        foreach (var word in retryOn.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            // A44: words that are not known are ignored. Envoy also takes a bare status code there, as Istio writes it.
            conditions |= Words.GetValueOrDefault(word);
        }

        return conditions;
    }

    private static (TimeSpan Base, TimeSpan Max) BackOff(RetryPolicy.Types.RetryBackOff? wire, DecodeErrors errors)
    {
        var defaults = new RetryConfig();
        if (wire is null)
        {
            return (defaults.BaseInterval, defaults.MaxInterval);
        }

        using (errors.In("retry_back_off"))
        {
            if (wire.BaseInterval is null)
            {
                errors.AddMissing("base_interval");
            }

            var first = ValueDecoder.PositiveDuration(wire.BaseInterval, "base_interval", errors) ?? defaults.BaseInterval;
            first = first < ShortestInterval ? ShortestInterval : first;
            var longest = ValueDecoder.PositiveDuration(wire.MaxInterval, "max_interval", errors) ?? first * 10;
            longest = longest < ShortestInterval ? ShortestInterval : longest;
            if (longest < first)
            {
                errors.Add("max_interval", longest, $"must be >= base_interval, {first}");
            }

            return (first, longest);
        }
    }
}
