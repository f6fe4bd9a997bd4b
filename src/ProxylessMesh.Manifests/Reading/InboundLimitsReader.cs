using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>InboundLimits</c>, a kind of ours: no standard kind limits what a workload takes.</summary>
internal static class InboundLimitsReader
{
    private static readonly TimeSpan ShortestRefill = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestRefill = TimeSpan.FromHours(1);

    private static readonly string[] Words = ["rateLimit", "maxConcurrentCalls", "adaptiveConcurrency", "maxConnections", "maxConnectionsPerCaller"];

    public static InboundLimitsManifest? Read(YamlMap document, ManifestHeader header)
    {
        if (document.Required("spec", "Write 'spec:' with a limit below it, such as 'maxConcurrentCalls'")?.Map() is not { } spec)
        {
            return null;
        }

        var limits = new InboundLimitsManifest
        {
            Name = header.Name,
            Selector = Selectors.Read(spec),
            RateLimit = RateLimit(spec.Map("rateLimit")),
            MaxConcurrentCalls = spec.Integer("maxConcurrentCalls", 1, int.MaxValue),
            AdaptiveConcurrency = Adaptive(spec.Map("adaptiveConcurrency")),
            MaxConnections = spec.Integer("maxConnections", 1, int.MaxValue),
            MaxConnectionsPerCaller = spec.Integer("maxConnectionsPerCaller", 1, int.MaxValue),
        };
        if (!Words.Any(spec.Has))
        {
            spec.Fail("it limits nothing", $"Write one of {string.Join(", ", Words)}");
        }

        spec.End();
        return limits;
    }

    private static InboundRateLimit? RateLimit(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        var limit = new InboundRateLimit
        {
            Total = map.Map("total") is { } total ? Bucket(total) : null,
            PerCaller = map.Map("perCaller") is { } perCaller ? Bucket(perCaller) : null,
            Callers = map.List("callers", Caller),
            Status = map.Integer("status", 400, 599) ?? 429,
        };
        if (limit is { Total: null, PerCaller: null, Callers.IsEmpty: true })
        {
            map.Fail("it limits nobody", "Write 'total', 'perCaller' or 'callers' with 'calls' and 'per' below");
        }

        map.End();
        return limit;
    }

    private static CallerTokenBucket Caller(YamlMap map) => new()
    {
        Principal = map.RequiredText("principal", TextRules.NotEmpty, "Name the caller as AuthorizationPolicy does, such as 'mesh.local/ns/shop/sa/storefront' or '*/sa/batch'"),
        Bucket = Bucket(map),
    };

    private static TokenBucket Bucket(YamlMap map)
    {
        var calls = map.Required("calls", "Write how many calls there are in each 'per'")?.Integer(1, int.MaxValue) ?? 1;
        var per = map.Required("per", "Write the time in which that many calls are allowed, such as '1s'")?.Duration(DurationSyntax.Istio, ShortestRefill) ?? TimeSpan.FromSeconds(1);
        if (per > LongestRefill)
        {
            map.Field("per")?.Fail("it is out of range", "Write a duration from 50ms to 1h");
        }

        var burst = map.Integer("burst", calls, int.MaxValue) ?? calls;
        map.End();
        return new TokenBucket { Calls = calls, Per = per, Burst = burst };
    }

    private static AdaptiveConcurrency? Adaptive(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        var defaults = new AdaptiveConcurrency();
        var least = map.Integer("minConcurrency", 1, 100_000) ?? defaults.MinConcurrency;
        var limit = new AdaptiveConcurrency
        {
            Percentile = map.Field("percentile")?.Number(1, 100) ?? defaults.Percentile,
            MinConcurrency = least,
            MaxConcurrency = map.Integer("maxConcurrency", least, 100_000) ?? Math.Max(least, defaults.MaxConcurrency),
            UpdateInterval = map.Duration("updateInterval", DurationSyntax.Istio, TimeSpan.FromMilliseconds(10)) ?? defaults.UpdateInterval,
            MeasureInterval = map.Duration("measureInterval", DurationSyntax.Istio, TimeSpan.FromSeconds(1)) ?? defaults.MeasureInterval,
            MeasureCalls = map.Integer("measureCalls", 1, 100_000) ?? defaults.MeasureCalls,
            BufferPercent = map.Field("bufferPercent")?.Number(0, 1000) ?? defaults.BufferPercent,
        };
        map.End();
        return limit;
    }
}
