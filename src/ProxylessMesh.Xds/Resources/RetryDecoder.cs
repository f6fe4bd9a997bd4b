using System.Collections.Frozen;
using System.Collections.Immutable;
using Envoy.Config.Route.V3;

namespace ProxylessMesh.Xds.Resources;

/// <summary>
/// Retry policies: Envoy's conditions and gRPC's status names (gRFC A44). <c>retry_host_predicate</c> and <c>retry_priority</c> are
/// left aside, as A44 asks: another endpoint is tried each time anyway where there is one.
/// </summary>
internal static class RetryDecoder
{
    private const long MaxHostSelections = 100;

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
        ["envoy-ratelimited"] = RetryConditions.EnvoyRateLimited,
        ["retriable-headers"] = RetryConditions.RetriableHeaders,
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

            var defaults = new RetryConfig();
            var (baseInterval, maxInterval) = BackOff(wire.RetryBackOff, errors);
            var byHeader = wire.RateLimitedRetryBackOff;
            return new RetryConfig
            {
                On = Conditions(wire.RetryOn),
                StatusCodes = [.. wire.RetriableStatusCodes.Where(static code => code <= 599).Select(static code => (int)code)],
                MaxRetries = (int)Math.Clamp(retries, 1, int.MaxValue),
                PerTryTimeout = ValueDecoder.Duration(wire.PerTryTimeout, "per_try_timeout", errors),
                BaseInterval = baseInterval,
                MaxInterval = maxInterval,
                PerTryIdleTimeout = ValueDecoder.Duration(wire.PerTryIdleTimeout, "per_try_idle_timeout", errors),
                HostSelectionAttempts = wire.HostSelectionRetryMaxAttempts > 0 ? (int)Math.Min(wire.HostSelectionRetryMaxAttempts, MaxHostSelections) : defaults.HostSelectionAttempts,
                RetriableHeaders = MatcherDecoder.Headers(wire.RetriableHeaders, "retriable_headers", errors),
                RetriableRequestHeaders = MatcherDecoder.Headers(wire.RetriableRequestHeaders, "retriable_request_headers", errors),
                ResetHeaders = byHeader is null ? [] : ResetHeaders(byHeader, errors),
                MaxResetInterval = ValueDecoder.PositiveDuration(byHeader?.MaxInterval, "rate_limited_retry_back_off.max_interval", errors) ?? defaults.MaxResetInterval,
            };
        }
    }

    private static ImmutableArray<ResetHeaderConfig> ResetHeaders(RetryPolicy.Types.RateLimitedRetryBackOff wire, DecodeErrors errors)
    {
        if (wire.ResetHeaders.Count == 0)
        {
            errors.AddMissing("rate_limited_retry_back_off.reset_headers");
        }

        var headers = ImmutableArray.CreateBuilder<ResetHeaderConfig>(wire.ResetHeaders.Count);
        for (var i = 0; i < wire.ResetHeaders.Count; i++)
        {
            var header = wire.ResetHeaders[i];
            using (errors.In("rate_limited_retry_back_off.reset_headers", i))
            {
                HeaderOperationsDecoder.CheckName(header.Name, "name", errors);
                if (header.Format is not (RetryPolicy.Types.ResetHeaderFormat.Seconds or RetryPolicy.Types.ResetHeaderFormat.UnixTimestamp))
                {
                    errors.Add("format", (int)header.Format, "must be SECONDS or UNIX_TIMESTAMP");
                }

                headers.Add(new ResetHeaderConfig(header.Name, header.Format == RetryPolicy.Types.ResetHeaderFormat.UnixTimestamp));
            }
        }

        return headers.ToImmutable();
    }

    private static RetryConditions Conditions(string retryOn)
    {
        var conditions = RetryConditions.None;
        foreach (var word in retryOn.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            // A44: words that are not known are ignored.
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
