using System.Net;
using Grpc.AspNetCore.Server.Model;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace ProxylessMesh.Client.Tests.Outbound;

/// <summary>A real gRPC server with one method of each kind, whose messages are bytes. What it shall do comes as metadata.</summary>
internal sealed class EchoGrpc : IAsyncDisposable
{
    public static readonly Method<byte[], byte[]> Unary = Describe(MethodType.Unary, "unary");
    public static readonly Method<byte[], byte[]> ClientStream = Describe(MethodType.ClientStreaming, "client");
    public static readonly Method<byte[], byte[]> ServerStream = Describe(MethodType.ServerStreaming, "server");
    public static readonly Method<byte[], byte[]> Duplex = Describe(MethodType.DuplexStreaming, "duplex");

    private readonly WebApplication _app;
    private readonly Seen _seen;

    private EchoGrpc(WebApplication app, Seen seen) => (_app, _seen) = (app, seen);

    public IPEndPoint Address => new(IPAddress.Loopback, new Uri(_app.Urls.Single()).Port);

    /// <summary>Calls that began.</summary>
    public int Calls => Volatile.Read(ref _seen.Calls);

    /// <summary>Ends when a call was cancelled by its client.</summary>
    public Task Cancelled => _seen.Cancelled.Task;

    public static async Task<EchoGrpc> StartAsync()
    {
        var seen = new Seen();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(seen);
        builder.Services.AddGrpc(static options => (options.MaxReceiveMessageSize, options.MaxSendMessageSize) = (null, null));
        builder.Services.TryAddEnumerable(ServiceDescriptor.Singleton<IServiceMethodProvider<Service>, Methods>());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(static kestrel => kestrel.Listen(IPAddress.Loopback, 0, static listen => listen.Protocols = HttpProtocols.Http2));
        var app = builder.Build();
        app.MapGrpcService<Service>();
        await app.StartAsync();
        return new EchoGrpc(app, seen);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static Method<byte[], byte[]> Describe(MethodType type, string name)
        => new(type, "echo", name, Marshallers.Create<byte[]>(static bytes => bytes, static bytes => bytes), Marshallers.Create<byte[]>(static bytes => bytes, static bytes => bytes));

    private sealed class Seen
    {
        public int Calls;

        public TaskCompletionSource Cancelled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private sealed class Methods : IServiceMethodProvider<Service>
    {
        public void OnServiceMethodDiscovery(ServiceMethodProviderContext<Service> context)
        {
            context.AddUnaryMethod(Unary, [], static (service, request, call) => service.UnaryAsync(request, call));
            context.AddClientStreamingMethod(ClientStream, [], static (service, requests, call) => service.CollectAsync(requests, call));
            context.AddServerStreamingMethod(ServerStream, [], static (service, request, responses, call) => service.RepeatAsync(request, responses, call));
            context.AddDuplexStreamingMethod(Duplex, [], static (service, requests, responses, call) => service.EchoAsync(requests, responses, call));
        }
    }

    private sealed class Service(Seen seen)
    {
        public async Task<byte[]> UnaryAsync(byte[] request, ServerCallContext call)
        {
            await BeginAsync(call);
            return request;
        }

        public async Task<byte[]> CollectAsync(IAsyncStreamReader<byte[]> requests, ServerCallContext call)
        {
            await BeginAsync(call);
            var total = 0;
            await foreach (var request in requests.ReadAllAsync(call.CancellationToken))
            {
                total += request.Length;
            }

            return BitConverter.GetBytes(total);
        }

        // As many as the request says; the fault comes after the first, when the answer has begun.
        public async Task RepeatAsync(byte[] request, IServerStreamWriter<byte[]> responses, ServerCallContext call)
        {
            using var registration = call.CancellationToken.Register(() => seen.Cancelled.TrySetResult());
            for (var i = 0; i < request[0]; i++)
            {
                await responses.WriteAsync(request, call.CancellationToken);
                if (i == 0)
                {
                    await BeginAsync(call);
                }
            }
        }

        public async Task EchoAsync(IAsyncStreamReader<byte[]> requests, IServerStreamWriter<byte[]> responses, ServerCallContext call)
        {
            using var registration = call.CancellationToken.Register(() => seen.Cancelled.TrySetResult());
            await BeginAsync(call);
            await foreach (var request in requests.ReadAllAsync(call.CancellationToken))
            {
                await responses.WriteAsync(request, call.CancellationToken);
            }
        }

        private async Task BeginAsync(ServerCallContext call)
        {
            Interlocked.Increment(ref seen.Calls);
            switch (call.RequestHeaders.GetValue("fault"))
            {
                case "status":
                    throw new RpcException(new Status((StatusCode)int.Parse(call.RequestHeaders.GetValue("status")!, System.Globalization.CultureInfo.InvariantCulture), "as the test asked"));
                case "reset":
                    call.GetHttpContext().Abort();
                    break;
                case "silence":
                    using (call.CancellationToken.Register(() => seen.Cancelled.TrySetResult()))
                    {
                        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, call.CancellationToken);
                    }

                    break;
                default:
                    break;
            }
        }
    }
}
