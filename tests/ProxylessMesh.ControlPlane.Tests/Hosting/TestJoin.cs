using Grpc.Core;
using Grpc.Net.Client;
using ProxylessMesh.Protos.V1;

namespace ProxylessMesh.ControlPlane.Tests.Hosting;

/// <summary>A workload's stream.</summary>
internal sealed class TestJoin : IDisposable
{
    private readonly AsyncDuplexStreamingCall<JoinRequest, JoinResponse> _call;

    private TestJoin(GrpcChannel channel) => _call = new WorkloadService.WorkloadServiceClient(channel).Join(cancellationToken: TestContext.Current.CancellationToken);

    public Registered? Registered { get; private set; }

    /// <summary>Joins; throws what the server refuses with.</summary>
    public static async Task<TestJoin> StartAsync(GrpcChannel channel, Registration registration)
    {
        var join = new TestJoin(channel);
        try
        {
            await join.SendAsync(new JoinRequest { Registration = registration });
        }
        catch (RpcException)
        {
            // Refused before it was written: a write knows only that the stream is gone, the answer below says why.
            await join.ReadAsync();
            throw;
        }

        join.Registered = (await join.ReadAsync()).Registered;
        return join;
    }

    public Task SendAsync(JoinRequest request) => _call.RequestStream.WriteAsync(request);

    public async Task<JoinResponse> ReadAsync()
    {
        Assert.True(await _call.ResponseStream.MoveNext(TestContext.Current.CancellationToken));
        return _call.ResponseStream.Current;
    }

    /// <summary>Says goodbye.</summary>
    public async Task LeaveAsync()
    {
        await _call.RequestStream.CompleteAsync();
        Assert.False(await _call.ResponseStream.MoveNext(TestContext.Current.CancellationToken));
    }

    /// <summary>Breaks the stream without a goodbye.</summary>
    public void Dispose() => _call.Dispose();
}
