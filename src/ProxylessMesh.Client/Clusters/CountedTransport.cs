namespace ProxylessMesh.Client.Clusters;

/// <summary>The transport of an endpoint, whose connections are counted and which can also just be connected to.</summary>
/// <param name="handler">Sends requests to the endpoint.</param>
/// <param name="connections">Its connections.</param>
/// <param name="connect">Opens one more that carries no call, for a check.</param>
internal sealed class CountedTransport(HttpMessageHandler handler, EndpointConnections connections, Func<CancellationToken, ValueTask<Stream>> connect) : HttpMessageInvoker(handler)
{
    public EndpointConnections Connections { get; } = connections;

    public ValueTask<Stream> ConnectAsync(CancellationToken cancellationToken) => connect(cancellationToken);
}
