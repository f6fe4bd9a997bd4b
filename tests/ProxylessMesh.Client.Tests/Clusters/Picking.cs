using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Client.Telemetry;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Tests.Clusters;

/// <summary>Compiles clusters for tests of picks, with a clock of their own and endpoints that nobody connects to.</summary>
internal sealed class Picking : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();

    public Picking(ClientTraits? client = null)
        => Table = new EndpointTable(
            static (_, _, _) => new HttpMessageInvoker(new SocketsHttpHandler()),
            Time,
            new MeshMeter(_services.GetRequiredService<IMeterFactory>()),
            NullLogger<EndpointTable>.Instance,
            client);

    public FakeTimeProvider Time { get; } = new();

    public EndpointTable Table { get; }

    public void Dispose() => _services.Dispose();

    public Cluster Cluster(LoadBalancerConfig balancer, params EndpointConfig[] endpoints)
        => Cluster(balancer, null, new LocalityConfig { Endpoints = [.. endpoints] });

    public Cluster Cluster(LoadBalancerConfig balancer, uint? factor, params LocalityConfig[] localities)
        => Table.Acquire(State("catalog", balancer, factor, localities))!;

    public static ClusterState State(string name, LoadBalancerConfig balancer, uint? factor, params LocalityConfig[] localities) => new()
    {
        Config = new ClusterConfig { Name = name, LoadBalancer = balancer },
        Endpoints = new EndpointsConfig { Name = name, OverprovisioningFactor = factor, Localities = [.. localities] },
    };

    public static EndpointConfig Endpoint(int number, uint weight = 1)
        => new() { Address = new IPEndPoint(new IPAddress([10, (byte)(number >> 16), (byte)(number >> 8), (byte)number]), 80), Weight = weight };

    public static EndpointConfig[] Range(int count) => [.. Enumerable.Range(1, count).Select(static number => Endpoint(number))];

    public static LocalityConfig Locality(string zone, int priority, uint weight, params EndpointConfig[] endpoints)
        => new() { Region = "r", Zone = zone, Priority = priority, Weight = weight, Endpoints = [.. endpoints] };

    public static ClusterEndpoint Find(Cluster cluster, int number) => cluster.Endpoints.Single(endpoint => endpoint.Address.Equals(Endpoint(number).Address));

    /// <summary>How often each of the endpoints 1 to <paramref name="count"/> is picked.</summary>
    public static long[] Count(Cluster cluster, int count, int picks)
    {
        var counts = new long[count];
        for (var i = 0; i < picks; i++)
        {
            counts[NumberOf(cluster.Pick()!) - 1]++;
        }

        return counts;
    }

    public static int NumberOf(ClusterEndpoint endpoint)
    {
        var bytes = endpoint.Address.Address.GetAddressBytes();
        return (bytes[1] << 16) | (bytes[2] << 8) | bytes[3];
    }

    /// <summary>Fails where counts stray further from the weights than chance lets them once in a million runs (chi-square).</summary>
    public static void AssertShares(double[] weights, long[] counts)
    {
        var (picks, total) = (counts.Sum(), weights.Sum());
        var statistic = 0.0;
        var freedom = -1;
        for (var i = 0; i < weights.Length; i++)
        {
            if (weights[i] == 0)
            {
                Assert.Equal(0, counts[i]);
                continue;
            }

            var expected = picks * weights[i] / total;
            Assert.True(expected >= 5, "too few picks for a judgement");
            statistic += Math.Pow(counts[i] - expected, 2) / expected;
            freedom++;
        }

        // Wilson and Hilferty's approximation; 4.75 standard deviations leave one in a million.
        var limit = freedom == 0 ? 0 : freedom * Math.Pow(1 - (2.0 / (9 * freedom)) + (4.75 * Math.Sqrt(2.0 / (9 * freedom))), 3);
        Assert.True(statistic <= limit, $"chi-square {statistic} > {limit}: {string.Join(' ', counts)} for {string.Join(' ', weights)}");
    }
}
