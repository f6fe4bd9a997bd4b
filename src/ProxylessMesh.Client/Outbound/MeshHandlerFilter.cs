using System.Collections.Concurrent;
using Microsoft.Extensions.Http;
using Microsoft.Extensions.Http.Resilience;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace ProxylessMesh.Client.Outbound;

/// <summary>
/// Puts the mesh under every <see cref="IHttpClientFactory"/> client. It runs after the client's own configuration, so it also covers
/// clients that set a primary handler themselves, as gRPC clients do: that handler then serves what is no name of the mesh.
/// </summary>
internal sealed partial class MeshHandlerFilter(MeshHttpHandlerFactory handlers, IOptionsMonitor<MeshHttpClientOptions> clients, ILogger<MeshHandlerFilter> logger) : IHttpMessageHandlerBuilderFilter
{
    private readonly ConcurrentDictionary<string, bool> _warned = new();

    public Action<HttpMessageHandlerBuilder> Configure(Action<HttpMessageHandlerBuilder> next) => builder =>
    {
        next(builder);
        var name = builder.Name ?? "";
        if (clients.Get(name).IsOutsideMesh)
        {
            return;
        }

        builder.PrimaryHandler = handlers.Create(builder.PrimaryHandler);
        if (builder.AdditionalHandlers.Any(static handler => handler is ResilienceHandler) && _warned.TryAdd(name, true))
        {
            NestedRetries(logger, name);
        }
    };

    [LoggerMessage(2501, LogLevel.Warning, "HTTP client '{Client}' has a resilience handler of its own above the mesh's: their retries multiply. Remove it, or keep the client out of the mesh with WithoutMesh()")]
    private static partial void NestedRetries(ILogger logger, string client);
}

/// <summary>What one named client asks of the mesh.</summary>
internal sealed class MeshHttpClientOptions
{
    public bool IsOutsideMesh { get; set; }
}
