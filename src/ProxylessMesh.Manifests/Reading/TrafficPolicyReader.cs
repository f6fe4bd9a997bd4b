using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads a <c>trafficPolicy</c>: of a host, of a subset, of a port.</summary>
internal static class TrafficPolicyReader
{
    private const double DefaultBudgetPercent = 20;
    private const int DefaultBudgetConcurrency = 3;

    public static TrafficPolicy Read(YamlMap? map)
    {
        if (map is null)
        {
            return TrafficPolicy.None;
        }

        RefuseEmpty(map, "loadBalancer");
        var policy = ReadSettings(map) with
        {
            RetryBudget = ReadRetryBudget(map.Map("retryBudget")),
            Ports = ReadPorts(map),
        };
        map.NotYet("tunnel", "proxyProtocol");
        map.End();
        return policy;
    }

    /// <summary>Refuses a map without fields: whoever wrote it meant something.</summary>
    public static void RefuseEmpty(YamlMap map, string example)
    {
        if (map.IsEmpty)
        {
            map.Fail("it is empty", $"Write a setting such as '{example}', or remove it");
        }
    }

    private static TrafficPolicy ReadSettings(YamlMap map)
    {
        var policy = new TrafficPolicy
        {
            LoadBalancer = LoadBalancerReader.Read(map.Map("loadBalancer")),
            OutlierDetection = OutlierDetectionReader.Read(map.Map("outlierDetection")),
            ConnectionPool = ConnectionPoolReader.Read(map.Map("connectionPool")),
            Tls = ClientTlsReader.Read(map.Map("tls")),
        };
        if (policy is { OutlierDetection: null, LoadBalancer.Locality: { IsEnabled: true } locality } && (!locality.Failover.IsEmpty || !locality.FailoverPriority.IsEmpty))
        {
            map.Field("loadBalancer")?.Warn("failover needs to know which endpoints are bad, and there is no 'outlierDetection' beside it", "Write 'outlierDetection: {}' for its defaults");
        }

        return policy;
    }

    private static ImmutableArray<PortTrafficPolicy> ReadPorts(YamlMap map)
    {
        var ports = map.List("portLevelSettings", ReadPort);
        foreach (var twice in ports.Where(port => port.Port > 0).GroupBy(port => port.Port).Where(same => same.Count() > 1))
        {
            map.Field("portLevelSettings")?.Fail($"port {twice.Key} is there twice", "Put its settings into one");
        }

        return ports;
    }

    private static PortTrafficPolicy ReadPort(YamlMap map)
    {
        var port = map.Required("port", "Write 'port: { number: 80 }'")?.Map();
        var number = port?.Required("number", "Write the service's port, such as 80")?.Integer(1, 65535) ?? 0;
        port?.End();
        var policy = ReadSettings(map);
        if (policy == TrafficPolicy.None)
        {
            map.Fail("it sets nothing for the port", "Write a setting such as 'loadBalancer', or remove it");
        }

        map.End();
        return new PortTrafficPolicy(number, policy);
    }

    private static RetryBudgetSettings? ReadRetryBudget(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        var budget = new RetryBudgetSettings(
            map.Field("percent")?.Number(0, 100) ?? DefaultBudgetPercent,
            map.Integer("minRetryConcurrency", 0, int.MaxValue) ?? DefaultBudgetConcurrency);
        map.End();
        return budget;
    }
}
