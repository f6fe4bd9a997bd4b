using System.Collections.Frozen;
using BenchmarkDotNet.Attributes;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Benchmarks;

/// <summary>One pick by each policy: priority, locality, endpoint.</summary>
[MemoryDiagnoser]
public class Pick
{
    private readonly PickInput _input = new() { Hash = 0x1234_5678_9ABC_DEF0 };
    private Cluster _cluster = null!;

    public enum Policy
    {
        RoundRobin,
        WeightedRoundRobinByConfig,
        LeastRequest,
        LeastRequestByWeight,
        Random,
        RingHash,
        Maglev,
        WeightedRoundRobinByReports,
        PeakEwma,
        PickFirst,
        PrioritiesThatSpill,
    }

    [Params(2, 100, 10_000)]
    public int Endpoints { get; set; }

    [ParamsAllValues]
    public Policy By { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var config = ConfigTree.Of("orders", Endpoints);
        var (name, state) = config.Clusters.Single();
        var weighted = By is Policy.WeightedRoundRobinByConfig or Policy.LeastRequestByWeight;
        var localities = state.Endpoints!.Localities;
        var first = localities[0] with { Endpoints = [.. localities[0].Endpoints.Select((endpoint, i) => endpoint with { Weight = weighted ? (uint)(1 + (i % 3)) : 1 })] };
        var spills = By == Policy.PrioritiesThatSpill;
        state = state with
        {
            Config = state.Config! with { LoadBalancer = new LoadBalancerConfig { Kind = Kind() } },
            Endpoints = state.Endpoints with
            {
                OverprovisioningFactor = spills ? 100u : null,
                Localities = spills ? [first with { Endpoints = first.Endpoints[..(Endpoints / 2)] }, first with { Priority = 1, Endpoints = first.Endpoints[(Endpoints / 2)..] }] : [first],
            },
        };
        config = config with { Clusters = new Dictionary<string, Xds.ClusterState> { [name] = state }.ToFrozenDictionary() };
        _cluster = new MeshUnderBenchmark(new HttpMessageInvoker(new AnswerAtOnce()), _ => config).Compiler.Compile(config).Clusters[0];
        if (spills)
        {
            _cluster.Members.BackOff(_cluster.Endpoints.First());
        }
    }

    [Benchmark]
    public object? One() => _cluster.Pick(_input);

    private LoadBalancerKind Kind() => By switch
    {
        Policy.LeastRequest or Policy.LeastRequestByWeight => LoadBalancerKind.LeastRequest,
        Policy.Random => LoadBalancerKind.Random,
        Policy.RingHash => LoadBalancerKind.RingHash,
        Policy.Maglev => LoadBalancerKind.Maglev,
        Policy.WeightedRoundRobinByReports => LoadBalancerKind.WeightedRoundRobin,
        Policy.PeakEwma => LoadBalancerKind.PeakEwma,
        Policy.PickFirst => LoadBalancerKind.PickFirst,
        _ => LoadBalancerKind.RoundRobin,
    };
}
