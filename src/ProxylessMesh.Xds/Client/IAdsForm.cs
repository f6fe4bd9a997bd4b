using Envoy.Service.Discovery.V3;
using Grpc.Core;

namespace ProxylessMesh.Xds.Client;

/// <summary>What differs between delta and state of the world, for the life of one stream.</summary>
internal interface IAdsForm<TRequest, TResponse>
    where TRequest : class
{
    /// <summary>Subscriptions and nonces of this stream.</summary>
    TypeStreams Types { get; }

    AsyncDuplexStreamingCall<TRequest, TResponse> Call(AggregatedDiscoveryService.AggregatedDiscoveryServiceClient client, CancellationToken cancellationToken);

    /// <summary>The next request that is due; null when everything is said. On the client's loop.</summary>
    TRequest? Next(long now);

    /// <summary>Reads and decodes. Pure: on the thread that reads the stream.</summary>
    DiscoveryUpdate Read(TResponse response);
}

/// <summary>Builds the <c>error_detail</c> of a NACK.</summary>
internal static class AdsNack
{
    private const int InvalidArgument = 3;
    private const int MaxLength = 8 * 1024;

    public static Google.Rpc.Status? Status(string? error)
        => error is null ? null : new Google.Rpc.Status { Code = InvalidArgument, Message = error.Length > MaxLength ? error[..MaxLength] : error };
}
