using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;
using WorkloadApi;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// Certificates and bundles from a SPIFFE Workload API (SPIRE and others). The agent decides when a certificate is renewed and sends the
/// next one over a stream that stays open; a stream that ends is opened again, with growing pauses.
/// </summary>
/// <remarks>
/// An agent that has no identity for the process yet (PERMISSION_DENIED) is asked again: registration may come later than the start. One
/// that takes an identity back leaves the process with the certificate that it has, until its end.
/// </remarks>
internal sealed class WorkloadApiSource(WorkloadApiSettings settings, TimeProvider time, ILogger<WorkloadApiSource> logger) : RenewingIdentitySource(time, logger), IDisposable
{
    private readonly GrpcChannel _channel = WorkloadApiChannel.Open(settings.Address);

    public override string Subject => $"this process from the SPIFFE agent at {settings.Address}";

    public void Dispose() => _channel.Dispose();

    protected override async Task KeepAsync(CancellationToken stop)
    {
        var failures = 0;
        while (true)
        {
            failures = await FollowAsync(stop).ConfigureAwait(false) ? 1 : failures + 1;
            var left = (Current?.ExpiresAt ?? DateTimeOffset.MinValue) - Time.GetUtcNow();
            await Task.Delay(SvidRotation.RetryAfter(failures, left, Random.Shared.NextDouble()), Time, stop).ConfigureAwait(false);
        }
    }

    /// <summary>One stream, to its end. Whether anything usable came over it.</summary>
    private async Task<bool> FollowAsync(CancellationToken stop)
    {
        var hasWorked = false;
        try
        {
            using var call = new SpiffeWorkloadAPI.SpiffeWorkloadAPIClient(_channel).FetchX509SVID(new X509SVIDRequest(), WorkloadApiChannel.SecurityHeader, cancellationToken: stop);
            await foreach (var answer in call.ResponseStream.ReadAllAsync(stop).ConfigureAwait(false))
            {
                hasWorked |= Take(answer);
            }

            Fail(new IdentityException(IdentityError.AgentUnreachable, $"The SPIFFE agent at {settings.Address} ended the stream. The process opens another."));
        }
        catch (RpcException error) when (!stop.IsCancellationRequested)
        {
            Fail(Explain(error));
        }
        catch (RpcException error)
        {
            throw new OperationCanceledException("The stream was given up.", error, stop);
        }

        return hasWorked;
    }

    private bool Take(X509SVIDResponse answer)
    {
        try
        {
            var identity = WorkloadApiAnswer.Read(answer, settings.Hint, Time.GetUtcNow());
            PutInForce(identity, renewsAt: null);
            return true;
        }
        catch (IdentityException error)
        {
            Fail(error);
            return false;
        }
    }

    private IdentityException Explain(RpcException error) => error.StatusCode switch
    {
        StatusCode.PermissionDenied => new(IdentityError.NotAllowed, $"The SPIFFE agent at {settings.Address} has no identity for this process: {error.Status.Detail} Register the workload there (with SPIRE: 'spire-server entry create'). The process keeps asking.", error),
        StatusCode.Unimplemented => new(IdentityError.BadAnswer, $"What listens at {settings.Address} is no SPIFFE Workload API. Check Mesh:Identity:WorkloadApi:Socket, or {WorkloadApiAddress.Variable}.", error),
        _ => new(IdentityError.AgentUnreachable, $"The SPIFFE agent at {settings.Address} cannot be reached ({error.StatusCode}: {error.Status.Detail}). Check that it runs and that this process may open its socket (Mesh:Identity:WorkloadApi:Socket, or {WorkloadApiAddress.Variable}). The process keeps trying.", error),
    };
}
