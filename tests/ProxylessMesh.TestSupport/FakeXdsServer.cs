using System.Net;
using System.Threading.Channels;
using Envoy.Service.Discovery.V3;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace ProxylessMesh.TestSupport;

/// <summary>
/// A real ADS server on loopback, in both forms, that does what the test says: it takes each stream, looks at each request and sends
/// each response.
/// </summary>
internal sealed class FakeXdsServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Channel<FakeXdsStream> _streams;

    private FakeXdsServer(WebApplication app, Channel<FakeXdsStream> streams)
    {
        _app = app;
        _streams = streams;
        Address = new Uri(app.Urls.First());
    }

    public Uri Address { get; }

    /// <summary>Starts on a free port, or again on <paramref name="port"/>. Without delta it answers UNIMPLEMENTED to it.</summary>
    public static async Task<FakeXdsServer> StartAsync(bool delta = true, int port = 0)
    {
        var streams = Channel.CreateUnbounded<FakeXdsStream>();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddRoutingCore();
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(new AdsService(streams.Writer, delta));
        builder.Services.Configure<Microsoft.Extensions.Hosting.HostOptions>(static host => host.ShutdownTimeout = TimeSpan.Zero);
        var app = builder.Build();
        app.MapGrpcService<AdsService>();
        await app.StartAsync();
        return new FakeXdsServer(app, streams);
    }

    /// <summary>The next stream that a client opened.</summary>
    public async Task<FakeXdsStream> NextStreamAsync(CancellationToken cancellationToken) => await _streams.Reader.ReadAsync(cancellationToken);

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    /// <summary>Hands each call over to the test.</summary>
    internal sealed class AdsService(ChannelWriter<FakeXdsStream> streams, bool delta) : AggregatedDiscoveryService.AggregatedDiscoveryServiceBase
    {
        public override Task StreamAggregatedResources(
            IAsyncStreamReader<DiscoveryRequest> requestStream, IServerStreamWriter<DiscoveryResponse> responseStream, ServerCallContext context)
            => RunAsync(new FakeXdsStream(null, responseStream.WriteAsync), requestStream, FakeXdsRequest.Of, context);

        public override Task DeltaAggregatedResources(
            IAsyncStreamReader<DeltaDiscoveryRequest> requestStream, IServerStreamWriter<DeltaDiscoveryResponse> responseStream, ServerCallContext context)
            => delta
                ? RunAsync(new FakeXdsStream(responseStream.WriteAsync, null), requestStream, FakeXdsRequest.Of, context)
                : throw new RpcException(new Status(StatusCode.Unimplemented, "No delta here."));

        private async Task RunAsync<TRequest>(
            FakeXdsStream stream, IAsyncStreamReader<TRequest> requests, Func<TRequest, FakeXdsRequest> read, ServerCallContext context)
        {
            await streams.WriteAsync(stream, context.CancellationToken);
            try
            {
                await stream.ReadAsync(requests, read, context.CancellationToken);
            }
            catch (Exception gone) when (gone is OperationCanceledException or IOException)
            {
                throw new RpcException(new Status(StatusCode.Cancelled, gone.Message));
            }
        }
    }
}
