using Envoy.Config.Route.V3;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Protos.V1;

namespace ProxylessMesh.Xds.Resources;

/// <summary>Hedging: Envoy's <c>hedge_policy</c>, and ours by time (<c>typed_per_filter_config["proxylessmesh.hedging"]</c>, gRFC A6).</summary>
internal static class HedgeDecoder
{
    public const string FilterName = "proxylessmesh.hedging";
    public const string TypeUrl = "type.googleapis.com/proxylessmesh.v1.Hedging";

    private const uint MaxAttempts = 5;

    /// <summary>What a route or virtual host says of its own; null: nothing.</summary>
    public static HedgeConfig? Decode(HedgePolicy? policy, RetryPolicy? retry, MapField<string, Any> overrides, DecodeErrors errors)
        => ByTime(overrides, errors) ?? ByTimeout(policy, retry, errors);

    /// <summary>A field of <c>hedge_policy</c> that Envoy itself has never carried out.</summary>
    public static string? Unsupported(HedgePolicy? policy)
        => policy?.InitialRequests > 1 ? "hedge_policy.initial_requests above 1 is not supported"
            : policy?.AdditionalRequestChance is { Numerator: > 0 } ? "hedge_policy.additional_request_chance is not supported"
            : null;

    private static HedgeConfig? ByTime(MapField<string, Any> overrides, DecodeErrors errors)
    {
        if (!overrides.TryGetValue(FilterName, out var any))
        {
            return null;
        }

        using (errors.In("typed_per_filter_config", FilterName))
        {
            if (FilterOverride.Open(any, errors) is not { Config: { } config, IsDisabled: false })
            {
                return null;
            }

            if (config.TypeUrl != TypeUrl)
            {
                errors.Add("type_url", config.TypeUrl, $"must be {TypeUrl}");
                return null;
            }

            return ValueDecoder.Unpack(config, Hedging.Parser, errors) is { } wire ? Attempts(wire, errors) : null;
        }
    }

    private static HedgeConfig Attempts(Hedging wire, DecodeErrors errors)
    {
        if (wire.MaxAttempts is < 2 or > MaxAttempts)
        {
            errors.Add("max_attempts", wire.MaxAttempts, $"must be 2 to {MaxAttempts}");
        }

        foreach (var status in wire.NonFatalGrpcStatuses)
        {
            if (status is 0 or > 16)
            {
                errors.Add("non_fatal_grpc_statuses", status, "must be 1 to 16");
            }
        }

        return new HedgeConfig
        {
            MaxAttempts = (int)Math.Clamp(wire.MaxAttempts, 2, MaxAttempts),
            Delay = ValueDecoder.Duration(wire.Delay, "delay", errors) ?? TimeSpan.Zero,
            NonFatalGrpcStatuses = [.. wire.NonFatalGrpcStatuses.Select(static status => (int)status)],
        };
    }

    // Envoy: a try that takes too long goes on beside the next one, and the tries are those of the retry policy.
    private static HedgeConfig? ByTimeout(HedgePolicy? policy, RetryPolicy? retry, DecodeErrors errors)
    {
        if (policy?.InitialRequests == 0)
        {
            errors.Add("hedge_policy.initial_requests", 0, "must be >= 1");
        }

        return policy is not { HedgeOnPerTryTimeout: true }
            ? null
            : new HedgeConfig { OnPerTryTimeout = true, MaxAttempts = (int)Math.Clamp((retry?.NumRetries ?? 1) + 1UL, 2, MaxAttempts) };
    }
}
