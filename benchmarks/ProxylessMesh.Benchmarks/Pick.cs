using BenchmarkDotNet.Attributes;
using ProxylessMesh.Client.Clusters;

namespace ProxylessMesh.Benchmarks;

/// <summary>One pick: priority, locality, least request of two.</summary>
[MemoryDiagnoser]
public class Pick
{
    private Cluster _cluster = null!;

    [Params(2, 100, 10_000)]
    public int Endpoints { get; set; }

    [GlobalSetup]
    public void Setup()
        => _cluster = new MeshUnderBenchmark(new HttpMessageInvoker(new AnswerAtOnce()), host => ConfigTree.Of(host, Endpoints)).Compiler.Compile(ConfigTree.Of("orders", Endpoints)).Clusters[0];

    [Benchmark]
    public object? LeastRequest() => _cluster.Pick();
}
