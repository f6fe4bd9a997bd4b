using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>MeshTrafficPolicy</c>: what no standard kind can say about the calls for a service.</summary>
internal static class MeshTrafficPolicyReader
{
    private static readonly TimeSpan OneMillisecond = TimeSpan.FromMilliseconds(1);

    public static MeshTrafficPolicyManifest? Read(YamlMap document, ManifestHeader header)
    {
        if (document.Required("spec", "Write 'spec:' with 'targetRef:' below it")?.Map() is not { } spec)
        {
            return null;
        }

        var outlier = spec.Map("outlierDetection");
        var policy = new MeshTrafficPolicyManifest
        {
            Name = header.Name,
            Host = ReadTarget(spec.Required("targetRef", "Write 'targetRef: { kind: Service, name: … }'")?.Map(), header),
            LoadBalancer = spec.Map("loadBalancer") is { } balancer ? ReadBalancing(balancer) : null,
            SubsetSize = spec.Integer("subsetSize", 1, 100_000),
            SuccessRate = outlier?.Map("successRate") is { } rate ? ReadSuccessRate(rate) : null,
            FailurePercentage = outlier?.Map("failurePercentage") is { } failures ? ReadFailurePercentage(failures) : null,
            HealthCheck = spec.Map("healthCheck") is { } check ? HealthCheckReader.Read(check) : null,
            Hedging = spec.Map("hedging") is { } hedging ? ReadHedging(hedging) : null,
            SessionAffinity = spec.Map("sessionAffinity") is { } session ? ReadSession(session) : null,
            RateLimitedBackOff = spec.Map("rateLimitedBackOff") is { } backOff ? ReadBackOff(backOff) : null,
        };
        if (outlier is not null)
        {
            TrafficPolicyReader.RefuseEmpty(outlier, "successRate");
            outlier.End();
        }

        spec.End();
        return policy;
    }

    private static string ReadTarget(YamlMap? map, ManifestHeader header)
    {
        if (map is null)
        {
            return "";
        }

        _ = map.Field("group")?.Choice<bool>([("", true)]);
        _ = map.Required("kind", "Write 'Service'")?.Choice<bool>([("Service", true)]);
        var name = map.RequiredText("name", TextRules.DnsLabel, "Write the name of a Service of this namespace");
        map.End();
        return name.Length == 0 ? "" : HostNames.Full(name, header.Namespace);
    }

    private static MeshBalancing? ReadBalancing(YamlMap map)
    {
        var ewma = map.Map("peakEwma");
        var weighted = map.Map("weightedRoundRobin");
        var first = map.Map("pickFirst");
        MeshBalancing? balancing = ewma is not null ? new PeakEwmaBalancing(ewma.Duration("decay", DurationSyntax.Istio, OneMillisecond))
            : weighted is not null ? ReadWeighted(weighted)
            : first is not null ? new PickFirstBalancing(first.Field("shuffle")?.Boolean() ?? false)
            : null;
        if (new[] { ewma, weighted, first }.Count(choice => choice is not null) != 1)
        {
            map.Fail("it must name one way to pick", "Write one of peakEwma, weightedRoundRobin, pickFirst");
        }

        ewma?.End();
        weighted?.End();
        first?.End();
        map.End();
        return balancing;
    }

    private static WeightedRoundRobinBalancing ReadWeighted(YamlMap map)
    {
        // Reports come with answers; nobody opens a stream for them yet (gRFC A51).
        map.NotYet("outOfBand");
        return new WeightedRoundRobinBalancing
        {
            BlackoutPeriod = map.Duration("blackoutPeriod", DurationSyntax.Istio),
            WeightExpiration = map.Duration("weightExpiration", DurationSyntax.Istio),
            WeightUpdatePeriod = map.Duration("weightUpdatePeriod", DurationSyntax.Istio, TimeSpan.FromMilliseconds(100)),
            ErrorUtilizationPenalty = map.Field("errorUtilizationPenalty")?.Number(0, 1000),
        };
    }

    private static SuccessRateEjection ReadSuccessRate(YamlMap map)
    {
        var defaults = new SuccessRateEjection();
        var rate = new SuccessRateEjection
        {
            MinimumHosts = map.Integer("minimumHosts", 1, int.MaxValue) ?? defaults.MinimumHosts,
            RequestVolume = map.Integer("requestVolume", 1, int.MaxValue) ?? defaults.RequestVolume,
            StdevFactor = map.Integer("stdevFactor", 1, int.MaxValue) ?? defaults.StdevFactor,
            EnforcingPercent = map.Integer("enforcingPercent", 0, 100) ?? defaults.EnforcingPercent,
        };
        map.End();
        return rate;
    }

    private static FailurePercentageEjection ReadFailurePercentage(YamlMap map)
    {
        var defaults = new FailurePercentageEjection();
        var percentage = new FailurePercentageEjection
        {
            Threshold = map.Integer("threshold", 1, 100) ?? defaults.Threshold,
            MinimumHosts = map.Integer("minimumHosts", 1, int.MaxValue) ?? defaults.MinimumHosts,
            RequestVolume = map.Integer("requestVolume", 1, int.MaxValue) ?? defaults.RequestVolume,
            EnforcingPercent = map.Integer("enforcingPercent", 0, 100) ?? defaults.EnforcingPercent,
        };
        map.End();
        return percentage;
    }

    private static HedgingSettings ReadHedging(YamlMap map)
    {
        var hedging = new HedgingSettings
        {
            MaxAttempts = map.Required("maxAttempts", "Write the attempts in all, such as 2")?.Integer(2, 5) ?? 2,
            Delay = map.Duration("delay", DurationSyntax.Istio) ?? TimeSpan.Zero,
            NonFatalGrpcStatuses = map.Field("nonFatalGrpcStatuses") is { } statuses ? [.. statuses.Items().Select(status => status.Choice<int>(GrpcStatuses.Errors)).OfType<int>()] : [],
        };
        map.End();
        return hedging;
    }

    private static SessionAffinity ReadSession(YamlMap map)
    {
        var cookie = map.Map("cookie");
        var header = map.Map("header");
        var name = (cookie ?? header)?.RequiredText("name", TextRules.HeaderName, "Write its name") ?? "";
        var session = new SessionAffinity
        {
            IsCookie = cookie is not null,
            Name = name,
            Path = cookie?.Text("path", TextRules.HeaderValue) ?? "/",
            Ttl = cookie?.Duration("ttl", DurationSyntax.Istio) is { } ttl && ttl > TimeSpan.Zero ? ttl : null,
            IsStrict = map.Field("strict")?.Boolean() ?? false,
        };
        if (cookie is null == header is null)
        {
            map.Fail("it must name a cookie or a header", "Write one of 'cookie' and 'header'");
        }

        cookie?.End();
        header?.End();
        map.End();
        return session;
    }

    private static RateLimitedBackOff ReadBackOff(YamlMap map)
    {
        var backOff = new RateLimitedBackOff(
            map.List("resetHeaders", ReadHeader),
            map.Duration("maxInterval", DurationSyntax.Istio, OneMillisecond) ?? TimeSpan.FromSeconds(300));
        if (backOff.Headers.IsEmpty)
        {
            map.Fail("it names no headers", "Write 'resetHeaders:' with the headers that tell when to come again");
        }

        map.End();
        return backOff;
    }

    private static ResetHeader ReadHeader(YamlMap map)
    {
        var header = new ResetHeader(
            map.RequiredText("name", TextRules.HeaderName, "Write the name of the header"),
            map.Field("format")?.Choice<bool>([("SECONDS", false), ("UNIX_TIMESTAMP", true)]) ?? false);
        map.End();
        return header;
    }
}
