using BenchmarkDotNet.Attributes;
using ProxylessMesh.Client.Outbound;
using ProxylessMesh.Client.Routing;
using ProxylessMesh.Client.Snapshots;

namespace ProxylessMesh.Benchmarks;

/// <summary>From a request to its route: the host among many, then the first route that matches.</summary>
[MemoryDiagnoser]
public class RouteMatch
{
    private SnapshotSource _snapshots = null!;
    private HttpRequestMessage[] _requests = [];
    private int _next;

    [Params(1, 1000)]
    public int Hosts { get; set; }

    [Params(1, 20)]
    public int Routes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _snapshots = new MeshUnderBenchmark(new HttpMessageInvoker(new AnswerAtOnce()), host => ConfigTree.Of(host, 2, Routes)).Snapshots;
        _requests = [.. Enumerable.Range(0, Hosts).Select(static n => new HttpRequestMessage(HttpMethod.Get, $"http://service-{n}/cart/1"))];
        foreach (var request in _requests)
        {
            Find(request);
        }
    }

    [Benchmark]
    public object? Match()
    {
        _next = _next + 1 < _requests.Length ? _next + 1 : 0;
        return Find(_requests[_next]);
    }

    private RouteRule? Find(HttpRequestMessage request)
    {
        if (!HostKey.TryGet(request.RequestUri, out var key))
        {
            return null;
        }

        var host = _snapshots.Find(key);
        return host.State.Routes!.Match(new HttpRequestInput(request, request.RequestUri!, host.Authority));
    }
}
