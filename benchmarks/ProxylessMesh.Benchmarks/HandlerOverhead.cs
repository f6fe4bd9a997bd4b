using BenchmarkDotNet.Attributes;

namespace ProxylessMesh.Benchmarks;

/// <summary>What the mesh adds to a call over a transport that answers at once: route, pick, deadline, retry armed, counts.</summary>
[MemoryDiagnoser]
public class HandlerOverhead
{
    private HttpMessageInvoker _transport = null!;
    private HttpMessageInvoker _mesh = null!;
    private HttpMessageInvoker _unlimited = null!;
    private HttpClient _client = null!;

    [Params(2, 1000)]
    public int Endpoints { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _transport = new HttpMessageInvoker(new AnswerAtOnce());
        var mesh = new MeshUnderBenchmark(_transport, host => ConfigTree.Of(host, Endpoints));
        _mesh = new HttpMessageInvoker(mesh.Handler);
        _unlimited = new HttpMessageInvoker(new MeshUnderBenchmark(_transport, host => ConfigTree.Of(host, Endpoints, timeout: null)).Handler);
        _client = new HttpClient(new AnswerAtOnce());
    }

    [Benchmark(Baseline = true, Description = "transport alone")]
    public async Task<int> Transport()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Target);
        using var response = await _transport.SendAsync(request, CancellationToken.None);
        return (int)response.StatusCode;
    }

    [Benchmark(Description = "HttpClient with its timeout")]
    public async Task<int> WithHttpClient()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Target);
        using var response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, CancellationToken.None);
        return (int)response.StatusCode;
    }

    [Benchmark(Description = "mesh, route without a limit")]
    public async Task<int> Unlimited()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Target);
        using var response = await _unlimited.SendAsync(request, CancellationToken.None);
        return (int)response.StatusCode;
    }

    [Benchmark(Description = "mesh, 15 s limit")]
    public async Task<int> Mesh()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Target);
        using var response = await _mesh.SendAsync(request, CancellationToken.None);
        return (int)response.StatusCode;
    }

    private static Uri Target { get; } = new("http://orders/cart/1");
}
