using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>connectionPool</c>. As in Istio, a limit of 0 is not set.</summary>
internal static class ConnectionPoolReader
{
    private static readonly TimeSpan OneMillisecond = TimeSpan.FromMilliseconds(1);

    public static ConnectionPool? Read(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        TrafficPolicyReader.RefuseEmpty(map, "http");
        var tcp = map.Map("tcp");
        var http = map.Map("http");
        var pool = Http(http, Tcp(tcp));
        tcp?.End();
        http?.End();
        map.End();
        return pool;
    }

    private static ConnectionPool Tcp(YamlMap? map)
    {
        var pool = new ConnectionPool
        {
            MaxConnections = Limit(map, "maxConnections"),
            ConnectTimeout = map?.Duration("connectTimeout", DurationSyntax.Istio, OneMillisecond),
            TcpKeepalive = map?.Map("tcpKeepalive") is { } probes ? Keepalive(probes) : null,
            MaxConnectionDuration = map?.Duration("maxConnectionDuration", DurationSyntax.Istio, OneMillisecond),
        };
        if (map?.Aside("idleTimeout") is { } idle && idle.Duration(DurationSyntax.Istio) is not null)
        {
            idle.Warn("it is for plain TCP; calls of the mesh are HTTP, so it has no effect", "Write 'http: { idleTimeout: … }', or remove it");
        }

        return pool;
    }

    private static TcpKeepalive Keepalive(YamlMap map)
    {
        var probes = new TcpKeepalive(
            Limit(map, "probes"),
            map.Duration("time", DurationSyntax.Istio, TimeSpan.FromSeconds(1)),
            map.Duration("interval", DurationSyntax.Istio, TimeSpan.FromSeconds(1)));
        map.End();
        return probes;
    }

    private static ConnectionPool Http(YamlMap? map, ConnectionPool pool)
    {
        if (map is null)
        {
            return pool;
        }

        TrafficPolicyReader.RefuseEmpty(map, "http2MaxRequests");
        return pool with
        {
            MaxPendingRequests = Limit(map, "http1MaxPendingRequests"),
            MaxRequests = Limit(map, "http2MaxRequests"),
            MaxRetries = Limit(map, "maxRetries"),
            MaxRequestsPerConnection = Limit(map, "maxRequestsPerConnection"),
            MaxConcurrentStreams = Limit(map, "maxConcurrentStreams"),
            IdleTimeout = map.Duration("idleTimeout", DurationSyntax.Istio, OneMillisecond),
            Http2KeepAlive = map.Map("http2KeepAlive") is { } pings ? Pings(pings) : null,
            UpgradesToHttp2 = map.Field("h2UpgradePolicy")?.Choice<int>([("DEFAULT", 0), ("DO_NOT_UPGRADE", 1), ("UPGRADE", 2)]) switch { 1 => false, 2 => true, _ => null },
            UsesClientProtocol = map.Field("useClientProtocol")?.Boolean() ?? false,
        };
    }

    private static Http2KeepAlive Pings(YamlMap map)
    {
        var pings = new Http2KeepAlive(
            map.Required("interval", "Write the time between two PINGs, such as '15s'")?.Duration(DurationSyntax.Istio, OneMillisecond) ?? TimeSpan.FromSeconds(1),
            map.Required("timeout", "Write the time to answer a PING, such as '5s'")?.Duration(DurationSyntax.Istio, OneMillisecond) ?? TimeSpan.FromSeconds(1));
        map.End();
        return pings;
    }

    private static int? Limit(YamlMap? map, string key)
    {
        var limit = map?.Integer(key, 0, int.MaxValue);
        if (limit == 0)
        {
            map!.Field(key)?.Warn("0 means no limit, as in Istio", "Write a limit of at least 1, or remove it");
        }

        return limit is 0 ? null : limit;
    }
}
