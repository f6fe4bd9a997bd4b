using Microsoft.Extensions.Logging.Abstractions;
using ProxylessMesh.Interop.Tests.Processes;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Interop.Tests;

/// <summary>Our Workload API client against a Workload API on go-spiffe's own stubs, over a UNIX socket.</summary>
public sealed class SpiffeAgentTests
{
    private const string Id = "spiffe://mesh.test/ns/default/sa/workload";

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Certificates_and_bundles_of_a_go_spiffe_agent_are_taken_and_rotate()
    {
        var folder = Directory.CreateTempSubdirectory("mesh-agent-");
        try
        {
            var socket = Path.Combine(folder.FullName, "agent.sock");
            await using var agent = await PeerProcess.ServeSocketAsync("spiffe-server", socket, ["-socket", socket, "-id", Id, "-rotate", "500ms", "-ttl", "1h"], TestEnd);
            using var source = new WorkloadApiSource(Settings(socket), TimeProvider.System, NullLogger<WorkloadApiSource>.Instance);
            var rotated = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            source.StatusChanged += status => _ = status.Error is { } error && rotated.TrySetException(error);
            source.Changed += _ =>
            {
                if (source.Rotations >= 3)
                {
                    rotated.TrySetResult();
                }
            };
            WorkloadIdentity? first = null;
            source.Changed += identity => first ??= identity;
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestEnd);
            var running = source.RunAsync(stop.Token);

            await rotated.Task.WaitAsync(TestEnd);

            Assert.Equal(Id, first!.Id.ToString());
            Assert.NotEqual(first.Leaf.SerialNumber, source.Current!.Leaf.SerialNumber);
            Assert.Equal(0, source.Failures);
            await stop.CancelAsync();
            await running;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Tokens_of_a_go_spiffe_agent_are_taken_and_verified_by_its_bundles()
    {
        var folder = Directory.CreateTempSubdirectory("mesh-agent-");
        try
        {
            var socket = Path.Combine(folder.FullName, "agent.sock");
            await using var agent = await PeerProcess.ServeSocketAsync("spiffe-server", socket, ["-socket", socket, "-id", Id], TestEnd);
            await using var source = new JwtSvidSource(Settings(socket), TimeProvider.System);

            var svid = await source.FetchAsync("pricing", TestEnd);
            var verified = await source.ValidateAsync(svid.Token, "pricing", TestEnd);

            Assert.Equal(Id, verified.Id.ToString());
            Assert.Equal(["pricing"], verified.Audience);
            await Assert.ThrowsAsync<IdentityException>(() => source.ValidateAsync(svid.Token, "orders", TestEnd));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static WorkloadApiSettings Settings(string socket)
        => new() { Address = WorkloadApiAddress.TryParse("unix://" + socket, out var address, out var error) ? address : throw new InvalidOperationException(error) };
}
