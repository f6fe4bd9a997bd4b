using System.Collections.Frozen;
using BenchmarkDotNet.Attributes;
using ProxylessMesh.Client.Routing;
using ProxylessMesh.Client.Snapshots;
using ProxylessMesh.Xds;

namespace ProxylessMesh.Benchmarks;

/// <summary>A push in which one endpoint of a cluster changed, compiled while the config before it is still in force.</summary>
[MemoryDiagnoser]
public class SnapshotCompile
{
    private SnapshotCompiler _compiler = null!;
    private XdsConfig _before = null!;
    private XdsConfig _after = null!;
    private RouteTable _inForce = null!;
    private bool _turn;

    [Params(10, 1000, 10_000)]
    public int Endpoints { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _compiler = new MeshUnderBenchmark(new HttpMessageInvoker(new AnswerAtOnce()), host => ConfigTree.Of(host, 1)).Compiler;
        _before = ConfigTree.Of("orders", Endpoints);
        _after = WithOneLess(_before);
        _inForce = _compiler.Compile(_before);
    }

    [Benchmark]
    public object OneEndpointChanges()
    {
        _turn = !_turn;
        var next = _compiler.Compile(_turn ? _after : _before);
        _compiler.Release(_inForce);
        _inForce = next;
        return next;
    }

    private static XdsConfig WithOneLess(XdsConfig config)
    {
        var (name, state) = config.Clusters.Single();
        var locality = state.Endpoints!.Localities[0];
        var fewer = state.Endpoints with { Localities = [locality with { Endpoints = locality.Endpoints.RemoveAt(0) }] };
        return config with { Clusters = new Dictionary<string, ClusterState> { [name] = state with { Endpoints = fewer } }.ToFrozenDictionary() };
    }
}
