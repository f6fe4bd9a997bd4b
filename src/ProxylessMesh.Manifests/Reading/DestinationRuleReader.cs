using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads Istio's <c>DestinationRule</c>.</summary>
internal static class DestinationRuleReader
{
    private static readonly TimeSpan OneMillisecond = TimeSpan.FromMilliseconds(1);

    public static DestinationRuleManifest? Read(YamlMap document, ManifestHeader header)
    {
        if (document.Required("spec", "Write 'spec:' with 'host:' below it")?.Map() is not { } spec)
        {
            return null;
        }

        var rule = new DestinationRuleManifest
        {
            Name = header.Name,
            Host = HostNames.Resolve(spec.RequiredText("host", TextRules.HostOrWildcard, "Write the service, such as 'catalog'"), header.Namespace),
            TrafficPolicy = ReadPolicy(spec.Map("trafficPolicy")),
            Subsets = spec.List("subsets", ReadSubset),
        };
        foreach (var twice in rule.Subsets.Where(subset => subset.Name.Length > 0).GroupBy(subset => subset.Name).Where(group => group.Count() > 1))
        {
            spec.Field("subsets")?.Fail($"two subsets have the name '{twice.Key}'", "Give every subset its own name");
        }

        CheckScope(spec, rule.Host, header.Namespace);
        ExportTo.ReadEverybody(spec);
        spec.NotYet("workloadSelector");
        spec.End();
        return rule;
    }

    // Istio looks in the caller's namespace first; here the rules of the service's namespace and of the root namespace are for all callers.
    private static void CheckScope(YamlMap spec, string host, string ns)
    {
        if (host.Length > 0 && ns != HostNames.RootNamespace && !host.EndsWith(HostNames.Full("", ns), StringComparison.Ordinal))
        {
            spec.Field("host")?.Fail(
                $"it is no service of namespace '{ns}', so the rule is for callers of '{ns}' alone, which is not supported yet",
                $"Put the rule into the service's namespace, or into '{HostNames.RootNamespace}' for every service");
        }
    }

    private static DestinationSubset ReadSubset(YamlMap map)
    {
        var subset = new DestinationSubset
        {
            Name = map.RequiredText("name", TextRules.DnsLabel, "Write a name for routes to refer to"),
            Labels = map.TextMap("labels", TextRules.LabelKey, TextRules.LabelValue),
            TrafficPolicy = ReadPolicy(map.Map("trafficPolicy")),
        };
        map.End();
        return subset;
    }

    private static TrafficPolicy ReadPolicy(YamlMap? map)
    {
        if (map is null)
        {
            return TrafficPolicy.None;
        }

        RefuseEmpty(map, "loadBalancer");
        var policy = new TrafficPolicy
        {
            LoadBalancer = ReadLoadBalancer(map.Map("loadBalancer")),
            OutlierDetection = ReadOutlierDetection(map.Map("outlierDetection")),
            ConnectionPool = ReadConnectionPool(map.Map("connectionPool")),
            Tls = ReadTls(map.Map("tls")),
        };
        map.NotYet("portLevelSettings", "tunnel", "proxyProtocol", "retryBudget");
        map.End();
        return policy;
    }

    private static SimpleLoadBalancer? ReadLoadBalancer(YamlMap? map)
    {
        var simple = map?.Field("simple")?.Choice<SimpleLoadBalancer>(
            [("ROUND_ROBIN", SimpleLoadBalancer.RoundRobin), ("LEAST_REQUEST", SimpleLoadBalancer.LeastRequest), ("RANDOM", SimpleLoadBalancer.Random)],
            "PASSTHROUGH", "LEAST_CONN", "UNSPECIFIED");
        map?.NotYet("consistentHash", "localityLbSetting", "zoneAwareLbSetting", "warmup", "warmupDurationSecs");
        map?.End();
        return simple;
    }

    private static OutlierDetection? ReadOutlierDetection(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        var detection = new OutlierDetection
        {
            Consecutive5xxErrors = map.Integer("consecutive5xxErrors", 0, int.MaxValue),
            ConsecutiveGatewayErrors = map.Integer("consecutiveGatewayErrors", 0, int.MaxValue),
        };
        detection = detection with
        {
            Interval = map.Duration("interval", DurationSyntax.Istio, OneMillisecond) ?? detection.Interval,
            BaseEjectionTime = map.Duration("baseEjectionTime", DurationSyntax.Istio, OneMillisecond) ?? detection.BaseEjectionTime,
            MaxEjectionPercent = map.Integer("maxEjectionPercent", 0, 100) ?? detection.MaxEjectionPercent,
        };
        map.NotYet("consecutiveErrors", "splitExternalLocalOriginErrors", "consecutiveLocalOriginFailures", "minHealthPercent");
        map.End();
        return detection;
    }

    private static ConnectionPool? ReadConnectionPool(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        RefuseEmpty(map, "http");
        var tcp = map.Map("tcp");
        var http = map.Map("http");
        var pool = new ConnectionPool
        {
            MaxConnections = tcp?.Integer("maxConnections", 1, int.MaxValue),
            ConnectTimeout = tcp?.Duration("connectTimeout", DurationSyntax.Istio, OneMillisecond),
            MaxPendingRequests = http?.Integer("http1MaxPendingRequests", 1, int.MaxValue),
            MaxRequests = http?.Integer("http2MaxRequests", 1, int.MaxValue),
            MaxRetries = http?.Integer("maxRetries", 0, int.MaxValue),
        };
        tcp?.NotYet("tcpKeepalive", "maxConnectionDuration", "idleTimeout");
        tcp?.End();
        http?.NotYet("maxRequestsPerConnection", "idleTimeout", "h2UpgradePolicy", "useClientProtocol", "maxConcurrentStreams", "http2KeepAlive");
        http?.End();
        map.End();
        return pool;
    }

    private static ClientTlsMode? ReadTls(YamlMap? map)
    {
        var mode = map?.Required("mode", "Write 'ISTIO_MUTUAL' or 'DISABLE'")?.Choice<ClientTlsMode>(
            [("ISTIO_MUTUAL", ClientTlsMode.IstioMutual), ("DISABLE", ClientTlsMode.Disable)], "SIMPLE", "MUTUAL");
        map?.NotYet("clientCertificate", "privateKey", "caCertificates", "caCrl", "credentialName", "subjectAltNames", "sni", "insecureSkipVerify");
        map?.End();
        return mode;
    }

    private static void RefuseEmpty(YamlMap map, string example)
    {
        if (map.IsEmpty)
        {
            map.Fail("it is empty", $"Write a setting such as '{example}', or remove it");
        }
    }
}
