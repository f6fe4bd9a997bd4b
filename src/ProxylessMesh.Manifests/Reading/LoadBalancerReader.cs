using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>loadBalancer</c>.</summary>
internal static class LoadBalancerReader
{
    private const string DeprecatedLeast = "LEAST_CONN";

    public static LoadBalancerSettings? Read(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        var settings = new LoadBalancerSettings
        {
            Simple = ReadSimple(map.Field("simple")),
            ConsistentHash = map.Map("consistentHash") is { } hash ? ConsistentHashReader.Read(hash) : null,
            Locality = LocalityReader.Read(map),
            Warmup = ReadWarmup(map),
        };
        if (map.Has("simple") && map.Has("consistentHash"))
        {
            map.Fail("'simple' and 'consistentHash' exclude each other", "Keep one of the two");
        }

        if (settings.Warmup is not null && (settings.ConsistentHash is not null || settings.Simple == SimpleLoadBalancer.Random))
        {
            map.Fail("endpoints can only warm up with ROUND_ROBIN and LEAST_REQUEST", "Use one of them, or remove 'warmup'");
        }

        map.End();
        return settings;
    }

    private static SimpleLoadBalancer? ReadSimple(YamlField? field)
    {
        switch (field?.Node)
        {
            case ScalarNode { Text: "UNSPECIFIED" }:
                return null;
            case ScalarNode { Text: DeprecatedLeast }:
                field.Value.Warn("the word is deprecated", "Write 'LEAST_REQUEST', which is the same");
                return SimpleLoadBalancer.LeastRequest;
            case ScalarNode { Text: "PASSTHROUGH" }:
                field.Value.Fail("calls go to endpoints that the mesh knows; there is no original address to pass them to", "Use ROUND_ROBIN, LEAST_REQUEST or RANDOM");
                return null;
            default:
                return field?.Choice<SimpleLoadBalancer>(
                    [("ROUND_ROBIN", SimpleLoadBalancer.RoundRobin), ("LEAST_REQUEST", SimpleLoadBalancer.LeastRequest), ("RANDOM", SimpleLoadBalancer.Random)]);
        }
    }

    private static WarmupSettings? ReadWarmup(YamlMap map)
    {
        var old = map.Aside("warmupDurationSecs");
        if (map.Map("warmup") is not { } warmup)
        {
            old?.Warn("the field is deprecated", "Write 'warmup:' with 'duration:' below it, which is the same");
            return old?.Duration(DurationSyntax.Istio, TimeSpan.FromMilliseconds(1)) is { } window ? new WarmupSettings(window, null, null) : null;
        }

        old?.Fail("'warmup' says it too", "Remove 'warmupDurationSecs', which is deprecated");
        var settings = new WarmupSettings(
            warmup.Required("duration", "Write how long an endpoint warms up, such as '60s'")?.Duration(DurationSyntax.Istio, TimeSpan.FromMilliseconds(1)) ?? TimeSpan.FromSeconds(1),
            warmup.Field("minimumPercent")?.Number(0, 100),
            warmup.Field("aggression")?.Number(1, 1000));
        warmup.End();
        return settings;
    }
}
