using Grpc.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.ControlPlane.Calls;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.Manifests;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Workloads;

/// <summary>Where workloads join. The stream is the lease: see <see cref="WorkloadRegistry"/>.</summary>
internal sealed partial class WorkloadService(WorkloadRegistry registry, ManifestStore manifests, DrainWatch drains, WorkloadConversations conversations, CallerLives lives, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<WorkloadService> logger)
    : Protos.V1.WorkloadService.WorkloadServiceBase
{
    public override async Task Join(IAsyncStreamReader<JoinRequest> requestStream, IServerStreamWriter<JoinResponse> responseStream, ServerCallContext context)
    {
        var caller = MeshCallers.Find(context.GetHttpContext(), time)
            ?? throw new RpcException(new Status(StatusCode.Unauthenticated, "Joining needs a client certificate of this mesh. Get one from IdentityService/IssueIdentity with a join token, and connect with it."));
        using var life = lives.Begin(context.GetHttpContext(), caller)!;
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping, life.Ended);
        if (!await requestStream.MoveNext(ending.Token) || requestStream.Current.Registration is not { } registration)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, "The first message must be a registration."));
        }

        var workload = Check(registration, caller);
        if (!registry.TryJoin(workload, out var lease))
        {
            throw Refused(caller, new Status(StatusCode.PermissionDenied, $"Instance id '{workload.InstanceId}' is in use by another identity. Use an id that is unique to this process."));
        }

        LogJoined(workload.InstanceId, caller, workload.Service, workload.Namespace);
        var hasLeft = false;
        using var conversation = new WorkloadConversation(responseStream, ending.Token);
        try
        {
            await conversation.SendAsync(new JoinResponse { Registered = new Registered { Host = HostNames.Full(workload.Service, workload.Namespace) } });
            conversations.Begin(workload, conversation);
            await FollowAsync(lease, requestStream, conversation, ending);

            // The reader ends without an exception also where the call was cancelled while nobody was reading.
            context.CancellationToken.ThrowIfCancellationRequested();
            life.Ended.ThrowIfCancellationRequested();
            hasLeft = !lifetime.ApplicationStopping.IsCancellationRequested;
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            if (life.Fault is { } fault)
            {
                // A revoked identity has no endpoints from now on; one whose connection is too old comes back at once.
                hasLeft = life.IsRevoked;
                throw fault;
            }

            if (lifetime.ApplicationStopping.IsCancellationRequested)
            {
                throw new RpcException(new Status(StatusCode.Unavailable, "The control plane is stopping. Join again."));
            }
        }
        finally
        {
            conversations.End(workload, conversation);
            if (hasLeft)
            {
                lease.Leave();
            }
            else
            {
                lease.Break();
            }

            LogEnded(workload.InstanceId, hasLeft ? "left" : "lost its stream");
        }
    }

    private async Task FollowAsync(WorkloadLease lease, IAsyncStreamReader<JoinRequest> requests, WorkloadConversation conversation, CancellationTokenSource ending)
    {
        Task? drain = null;
        try
        {
            while (await requests.MoveNext(ending.Token))
            {
                switch (requests.Current.MessageCase)
                {
                    case JoinRequest.MessageOneofCase.Health when drain is null:
                        lease.Report(RegistrationValidator.HealthOf(requests.Current.Health.Health));
                        break;
                    case JoinRequest.MessageOneofCase.Drain:
                        drain ??= drains.RunAsync(lease, progress => conversation.SendAsync(new JoinResponse { DrainProgress = progress }), ending.Token);
                        break;
                    case JoinRequest.MessageOneofCase.CallReport:
                        conversation.Take(requests.Current.CallReport);
                        break;
                    case JoinRequest.MessageOneofCase.Identity when WorkloadReports.IsGood(requests.Current.Identity):
                        conversation.Identity = requests.Current.Identity;
                        break;
                    case JoinRequest.MessageOneofCase.Registration:
                        throw new RpcException(new Status(StatusCode.InvalidArgument, "This stream has registered already. Open another one to register anew."));
                    default:
                        // Health while draining, and messages of a newer data plane.
                        break;
                }
            }
        }
        finally
        {
            if (drain is not null)
            {
                await ending.CancelAsync();
                await drain.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private Workload Check(Registration registration, SpiffeId caller)
    {
        try
        {
            return RegistrationValidator.Check(registration, caller, manifests.Current.Manifests);
        }
        catch (RpcException exception)
        {
            throw Refused(caller, exception.Status);
        }
    }

    private RpcException Refused(SpiffeId caller, Status status)
    {
        LogRefused(caller, status.Detail);
        return new RpcException(status);
    }

    [LoggerMessage(6200, LogLevel.Information, "Workload '{Instance}' ({Identity}) joined as {Service}.{Namespace}.")]
    private partial void LogJoined(string instance, SpiffeId identity, string service, string @namespace);

    [LoggerMessage(6201, LogLevel.Information, "Workload '{Instance}' {How}.")]
    private partial void LogEnded(string instance, string how);

    [LoggerMessage(6202, LogLevel.Warning, "Refused the registration of '{Identity}': {Reason}")]
    private partial void LogRefused(SpiffeId identity, string reason);
}
