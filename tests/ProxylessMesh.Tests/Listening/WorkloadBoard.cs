using System.Collections.Concurrent;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.Tests.Listening;

/// <summary>The registration side of a control plane: a real gRPC server over mTLS that knows who serves, and lets the test answer a drain.</summary>
internal sealed class WorkloadBoard : WorkloadService.WorkloadServiceBase, IAsyncDisposable
{
    private readonly ConcurrentDictionary<uint, bool> _serving = new();
    private readonly LogGuard _logs = new();
    private WebApplication? _app;
    private TaskCompletionSource _changed = NewSignal();

    public required Func<uint, Task> OnDrain { get; init; }

    public Uri Address => new(_app!.Urls.First());

    /// <summary>Ports that take calls now.</summary>
    public uint[] Serving => [.. _serving.Where(static one => one.Value).Select(static one => one.Key)];

    /// <summary>Everything that workloads said, in order.</summary>
    public ConcurrentQueue<string> Story { get; } = new();

    public static async Task<WorkloadBoard> StartAsync(TestCa ca, Func<WorkloadBoard, uint, Task> onDrain)
    {
        WorkloadBoard? board = null;
        board = new WorkloadBoard { OnDrain = port => onDrain(board!, port) };
        var identity = ca.Issue("mesh-system", "control-plane");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders().AddProvider(board._logs);
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(board);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            OnConnection = _ => new(SpiffeTls.ForServer(identity, static _ => true, [System.Net.Security.SslApplicationProtocol.Http2])),
        })));
        board._app = builder.Build();
        board._app.MapGrpcService<WorkloadBoard>();
        await board._app.StartAsync(TestContext.Current.CancellationToken);
        return board;
    }

    /// <summary>Waits until as many ports serve.</summary>
    public async Task WaitForServingAsync(int count, CancellationToken cancellationToken)
    {
        while (true)
        {
            var changed = Volatile.Read(ref _changed).Task;
            if (Serving.Length == count)
            {
                return;
            }

            await changed.WaitAsync(cancellationToken);
        }
    }

    public override async Task Join(IAsyncStreamReader<JoinRequest> requestStream, IServerStreamWriter<JoinResponse> responseStream, ServerCallContext context)
    {
        uint port = 0;
        try
        {
            await foreach (var request in requestStream.ReadAllAsync())
            {
                switch (request.MessageCase)
                {
                    case JoinRequest.MessageOneofCase.Registration:
                        port = request.Registration.Ports.Single().Number;
                        Tell(port, request.Registration.Health == Health.Serving, "registered");
                        await responseStream.WriteAsync(new JoinResponse { Registered = new Registered { Host = "catalog.shop.svc.cluster.local" } });
                        break;
                    case JoinRequest.MessageOneofCase.Health:
                        Tell(port, request.Health.Health == Health.Serving, "health");
                        break;
                    case JoinRequest.MessageOneofCase.Drain:
                        Tell(port, serving: false, "drain");
                        await OnDrain(port).WaitAsync(context.CancellationToken);
                        await responseStream.WriteAsync(new JoinResponse { DrainProgress = new DrainProgress { Done = true } });
                        break;
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or InvalidOperationException && context.CancellationToken.IsCancellationRequested)
        {
            // A read that begins after the stream was reset throws the second of the two.
            Story.Enqueue("cut off");
        }
        finally
        {
            _serving.TryRemove(port, out _);
            Story.Enqueue("gone");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _app!.DisposeAsync();
        _logs.Dispose();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Tell(uint port, bool serving, string what)
    {
        Story.Enqueue(what);
        _serving[port] = serving;
        Interlocked.Exchange(ref _changed, NewSignal()).TrySetResult();
    }
}
