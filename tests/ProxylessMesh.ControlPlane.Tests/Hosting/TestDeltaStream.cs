using Envoy.Config.Core.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Service.Discovery.V3;
using Grpc.Core;
using Grpc.Net.Client;
using ProxylessMesh.Protos;

namespace ProxylessMesh.ControlPlane.Tests.Hosting;

/// <summary>A delta ADS client that keeps what it is sent and acknowledges when it is told to.</summary>
internal sealed class TestDeltaStream : IDisposable
{
    private readonly AsyncDuplexStreamingCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse> _call;
    private readonly string _nodeId;
    private bool _hasBegun;

    public TestDeltaStream(GrpcChannel channel, string nodeId)
    {
        _call = new AggregatedDiscoveryService.AggregatedDiscoveryServiceClient(channel).DeltaAggregatedResources(cancellationToken: TestContext.Current.CancellationToken);
        _nodeId = nodeId;
    }

    /// <summary>What was sent, by type and name.</summary>
    public Dictionary<(string TypeUrl, string Name), Resource> Resources { get; } = [];

    public HashSet<string> Missing { get; } = [];

    public Task SubscribeAsync(string typeUrl, params string[] names) => SendAsync(new DeltaDiscoveryRequest { TypeUrl = typeUrl, ResourceNamesSubscribe = { names } });

    public async Task SendAsync(DeltaDiscoveryRequest request)
    {
        if (!_hasBegun)
        {
            _hasBegun = true;
            request.Node = new Node { Id = _nodeId, UserAgentName = "test" };
        }

        await _call.RequestStream.WriteAsync(request);
    }

    /// <summary>The next response, not acknowledged.</summary>
    public async Task<DeltaDiscoveryResponse> ReadAsync()
    {
        Assert.True(await _call.ResponseStream.MoveNext(TestContext.Current.CancellationToken));
        var response = _call.ResponseStream.Current;
        foreach (var resource in response.Resources)
        {
            Resources[(response.TypeUrl, resource.Name)] = resource;
            Missing.Remove(resource.Name);
        }

        foreach (var name in response.RemovedResources)
        {
            Resources.Remove((response.TypeUrl, name));
            Missing.Add(name);
        }

        return response;
    }

    public Task AckAsync(DeltaDiscoveryResponse response) => SendAsync(new DeltaDiscoveryRequest { TypeUrl = response.TypeUrl, ResponseNonce = response.Nonce });

    /// <summary>Reads and acknowledges until something holds.</summary>
    public async Task UntilAsync(Func<bool> holds)
    {
        while (!holds())
        {
            await AckAsync(await ReadAsync());
        }
    }

    /// <summary><c>port:health</c> of the endpoints of a service.</summary>
    public IReadOnlyList<string> Endpoints(string cluster)
        => Resources.TryGetValue((XdsTypeUrls.ClusterLoadAssignment, cluster), out var resource)
            ? [.. ClusterLoadAssignment.Parser.ParseFrom(resource.Resource_.Value).Endpoints.SelectMany(static locality => locality.LbEndpoints)
                .Select(static endpoint => $"{endpoint.Endpoint.Address.SocketAddress.PortValue}:{endpoint.HealthStatus}").Order()]
            : [];

    /// <summary>Why the server ended the stream.</summary>
    public async Task<StatusCode> EndAsync()
    {
        try
        {
            while (await _call.ResponseStream.MoveNext(TestContext.Current.CancellationToken))
            {
                // Only the end matters.
            }

            return _call.GetStatus().StatusCode;
        }
        catch (RpcException exception)
        {
            return exception.StatusCode;
        }
    }

    public void Dispose() => _call.Dispose();
}
