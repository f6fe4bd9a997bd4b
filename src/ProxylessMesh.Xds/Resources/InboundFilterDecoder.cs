using System.Collections.Immutable;
using Envoy.Config.Core.V3;
using Envoy.Extensions.Filters.Http.AdaptiveConcurrency.V3;
using Envoy.Extensions.Filters.Http.Cors.V3;
using Envoy.Extensions.Filters.Http.LocalRatelimit.V3;
using Envoy.Type.V3;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Xds.Resources;

/// <summary>Filters in front of an application: cross-origin policy, rate limits, adaptive concurrency. What could not be enforced is refused.</summary>
internal static class InboundFilterDecoder
{
    // Envoy refuses to fill more often.
    private static readonly TimeSpan ShortestFill = TimeSpan.FromMilliseconds(50);

    public static CorsConfig Cors(CorsPolicy wire, DecodeErrors errors)
    {
        if (wire.FilterEnabled?.DefaultValue is { } enabled && ValueDecoder.PerMillion(enabled, "filter_enabled.default_value", errors) is > 0 and < FractionMatcher.Always)
        {
            errors.Add("filter_enabled.default_value", enabled, "must be 0 % or 100 %");
        }

        var origins = ImmutableArray.CreateBuilder<StringMatcher>(wire.AllowOriginStringMatch.Count);
        for (var i = 0; i < wire.AllowOriginStringMatch.Count; i++)
        {
            if (MatcherDecoder.String(wire.AllowOriginStringMatch[i], $"allow_origin_string_match[{i}]", errors) is { } origin)
            {
                origins.Add(origin);
            }
        }

        return new CorsConfig
        {
            AllowOrigins = origins.ToImmutable(),
            AllowMethods = HeaderText(wire.AllowMethods, "allow_methods", errors),
            AllowHeaders = HeaderText(wire.AllowHeaders, "allow_headers", errors),
            ExposeHeaders = HeaderText(wire.ExposeHeaders, "expose_headers", errors),
            MaxAge = HeaderText(wire.MaxAge, "max_age", errors),
            AllowCredentials = wire.AllowCredentials == true,
            ForwardNotMatchingPreflights = wire.ForwardNotMatchingPreflights ?? true,
        };
    }

    /// <summary>A policy that is off for every call (<c>filter_enabled</c> of 0 %).</summary>
    public static bool IsOff(CorsPolicy wire) => wire.FilterEnabled is { } enabled && enabled.DefaultValue is null or { Numerator: 0 };

    /// <summary>Envoy's filter. It acts only where <c>filter_enabled</c> and <c>filter_enforced</c> say so: both are 0 % where they are not set.</summary>
    public static RateLimitConfig RateLimit(LocalRateLimit wire, DecodeErrors errors)
    {
        Refuse("descriptors", wire.Descriptors.Count > 0, "write the limits as proxylessmesh.v1.CallerRateLimit", errors);
        Refuse("local_rate_limit_per_downstream_connection", wire.LocalRateLimitPerDownstreamConnection, "a bucket is shared by all connections", errors);
        Refuse("response_headers_to_add", wire.ResponseHeadersToAdd.Count > 0, "leave it out", errors);
        Refuse("request_headers_to_add_when_not_enforced", wire.RequestHeadersToAddWhenNotEnforced.Count > 0, "leave it out", errors);
        Refuse("enable_x_ratelimit_headers", wire.EnableXRatelimitHeaders != 0, "leave it out", errors);
        var on = IsOn(wire.FilterEnabled, "filter_enabled", errors) & IsOn(wire.FilterEnforced, "filter_enforced", errors);
        var bucket = wire.TokenBucket is null ? null : Bucket(wire.TokenBucket, "token_bucket", errors);
        return new RateLimitConfig { Total = on ? bucket : null, Status = Status(wire.Status, 429) };
    }

    public static RateLimitConfig RateLimit(CallerRateLimit wire, DecodeErrors errors)
    {
        if (wire.Status is not 0 and (< 400 or > 599))
        {
            errors.Add("status", wire.Status, "must be 400 to 599");
        }

        var callers = ImmutableArray.CreateBuilder<CallerBucketConfig>(wire.Callers.Count);
        for (var i = 0; i < wire.Callers.Count; i++)
        {
            using (errors.In("callers", i))
            {
                var caller = MatcherDecoder.String(wire.Callers[i].Caller_, "caller", errors);
                if (wire.Callers[i].Bucket is null)
                {
                    errors.AddMissing("bucket");
                }
                else if (caller is not null && Bucket(wire.Callers[i].Bucket, "bucket", errors) is { } bucket)
                {
                    callers.Add(new CallerBucketConfig(caller, bucket));
                }
            }
        }

        return new RateLimitConfig
        {
            Total = wire.Total is null ? null : Bucket(wire.Total, "total", errors),
            PerCaller = wire.PerCaller is null ? null : Bucket(wire.PerCaller, "per_caller", errors),
            Callers = callers.ToImmutable(),
            Status = wire.Status == 0 ? 429 : (int)Math.Min(wire.Status, 599),
        };
    }

    /// <summary>Null: the filter is switched off.</summary>
    public static AdaptiveConcurrencyConfig? AdaptiveConcurrency(AdaptiveConcurrency wire, DecodeErrors errors)
    {
        if (wire.GradientControllerConfig is not { } gradient)
        {
            errors.AddMissing("gradient_controller_config");
            return null;
        }

        var defaults = new AdaptiveConcurrencyConfig();
        using (errors.In("gradient_controller_config"))
        {
            var limit = gradient.ConcurrencyLimitParams;
            var latency = gradient.MinRttCalcParams;
            var config = defaults with
            {
                SampleAggregatePercentile = ValueDecoder.Percent(gradient.SampleAggregatePercentile, 50, "sample_aggregate_percentile", errors),
                MaxConcurrencyLimit = Positive(limit?.MaxConcurrencyLimit, defaults.MaxConcurrencyLimit, "concurrency_limit_params.max_concurrency_limit", errors),
                ConcurrencyUpdateInterval = Required(limit?.ConcurrencyUpdateInterval, "concurrency_limit_params.concurrency_update_interval", errors),
                MinRttInterval = Required(latency?.Interval, "min_rtt_calc_params.interval", errors),
                MinRttRequestCount = (int)Math.Min(Positive(latency?.RequestCount, 50, "min_rtt_calc_params.request_count", errors), int.MaxValue),
                MinRttJitterPercent = ValueDecoder.Percent(latency?.Jitter, 15, "min_rtt_calc_params.jitter", errors),
                MinConcurrency = Positive(latency?.MinConcurrency, defaults.MinConcurrency, "min_rtt_calc_params.min_concurrency", errors),
                MinRttBufferPercent = ValueDecoder.Percent(latency?.Buffer, 25, "min_rtt_calc_params.buffer", errors),
                Status = Status(wire.ConcurrencyLimitExceededStatus, 503),
            };
            return wire.Enabled is { DefaultValue: false } ? null : config;
        }
    }

    public static ConcurrencyLimitFilterConfig Concurrency(string name, ConcurrencyLimit wire, DecodeErrors errors)
        => new(name, (int)Math.Min(Positive(wire.MaxCalls, 1, "max_calls", errors), int.MaxValue));

    public static ConnectionLimitFilterConfig Connections(string name, ConnectionLimit wire) => new(name, OrAny(wire.MaxConnections), OrAny(wire.MaxConnectionsPerCaller));

    private static int? OrAny(uint limit) => limit == 0 ? null : (int)Math.Min(limit, int.MaxValue);

    private static TokenBucketConfig Bucket(TokenBucket wire, string field, DecodeErrors errors)
    {
        var max = Positive(wire.MaxTokens, 1, field + ".max_tokens", errors);
        var fill = Positive(wire.TokensPerFill, 1, field + ".tokens_per_fill", errors);
        var interval = Required(wire.FillInterval, field + ".fill_interval", errors);
        if (interval < ShortestFill)
        {
            errors.Add(field + ".fill_interval", interval, "must be at least 50ms");
        }

        return new TokenBucketConfig(max, fill, interval);
    }

    private static uint Positive(uint? value, uint fallback, string field, DecodeErrors errors)
    {
        if (value == 0)
        {
            errors.Add(field, 0, "must be >= 1");
        }

        return Math.Max(value ?? fallback, 1);
    }

    private static TimeSpan Required(Google.Protobuf.WellKnownTypes.Duration? value, string field, DecodeErrors errors)
    {
        if (value is null)
        {
            errors.AddMissing(field);
        }

        return ValueDecoder.PositiveDuration(value, field, errors) ?? TimeSpan.FromSeconds(1);
    }

    // Envoy: a status below 400 would not be an error, so it counts as the default.
    private static int Status(HttpStatus? status, int fallback) => status is { Code: >= StatusCode.BadRequest } ? Math.Min((int)status.Code, 599) : fallback;

    private static bool IsOn(RuntimeFractionalPercent? share, string field, DecodeErrors errors)
    {
        var perMillion = ValueDecoder.PerMillion(share?.DefaultValue, field + ".default_value", errors);
        if (perMillion is > 0 and < FractionMatcher.Always)
        {
            errors.Add(field + ".default_value", share!.DefaultValue, "must be 0 % or 100 %");
        }

        return perMillion > 0;
    }

    private static string? HeaderText(string value, string field, DecodeErrors errors)
    {
        if (value.AsSpan().ContainsAny('\r', '\n', '\0'))
        {
            errors.Add(field, value, "must be on one line");
        }

        return value.Length > 0 ? value : null;
    }

    private static void Refuse(string field, bool isSet, string instead, DecodeErrors errors)
    {
        if (isSet)
        {
            errors.Add(field, "set", "is not supported by this version; " + instead);
        }
    }
}
