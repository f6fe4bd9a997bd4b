using System.Collections.Concurrent;
using Grpc.Net.Client;
using AuthorizationClient = Envoy.Service.Auth.V3.Authorization.AuthorizationClient;

namespace ProxylessMesh.External;

/// <summary>
/// The channels to external authorizers, one for each name. They go through the mesh's own client; a name that the mesh does not know is
/// called by no other way. Authorizers are named by the control plane, so their number is bounded by it.
/// </summary>
/// <param name="handler">Makes a handler that sends through the mesh.</param>
internal sealed class AuthorizerClients(Func<HttpMessageHandler> handler) : IDisposable
{
    // An answer is a few headers and a page.
    private const int MaxAnswerBytes = 256 * 1024;

    private readonly ConcurrentDictionary<string, GrpcChannel> _channels = new(StringComparer.Ordinal);
    private readonly Lazy<HttpMessageHandler> _handler = new(handler);

    public AuthorizationClient For(string authority)
        => new(_channels.GetOrAdd(authority, name => GrpcChannel.ForAddress($"http://{name}", new GrpcChannelOptions { HttpHandler = _handler.Value, MaxReceiveMessageSize = MaxAnswerBytes })));

    public void Dispose()
    {
        foreach (var channel in _channels.Values)
        {
            channel.Dispose();
        }

        if (_handler.IsValueCreated)
        {
            _handler.Value.Dispose();
        }
    }

    /// <summary>What a name outside the mesh gets.</summary>
    internal sealed class OutsideHandler : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
            => Task.FromException<HttpResponseMessage>(new HttpRequestException(
                HttpRequestError.NameResolutionError,
                $"The mesh does not know the authorizer '{request.RequestUri?.Authority}'. Give it a Service or a ServiceEntry."));
    }
}
