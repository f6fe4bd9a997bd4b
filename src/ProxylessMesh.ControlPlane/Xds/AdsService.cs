using System.Collections.Immutable;
using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Grpc.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Xds;

/// <summary>
/// The ADS door, for both protocols. On the TLS port a mesh certificate is needed; the plaintext port is for gRPC clients of others and
/// knows no identity.
/// </summary>
internal sealed partial class AdsService(SnapshotSource snapshots, WorkloadRegistry workloads, NodeResources resources, CallerLives lives, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<AdsService> logger)
    : AggregatedDiscoveryService.AggregatedDiscoveryServiceBase
{
    private const int MaxNodeIdLength = 256;
    private const int MaxPlaceLength = 253;
    private const int MaxLabels = 64;

    public override Task StreamAggregatedResources(IAsyncStreamReader<DiscoveryRequest> requestStream, IServerStreamWriter<DiscoveryResponse> responseStream, ServerCallContext context)
    {
        var caller = CallerOf(context);
        var session = new SotwSession(node => Identify(node, caller), resources.For, context.Peer, time.GetUtcNow());
        return RunAsync(session, caller, requestStream, responseStream, context);
    }

    public override Task DeltaAggregatedResources(IAsyncStreamReader<DeltaDiscoveryRequest> requestStream, IServerStreamWriter<DeltaDiscoveryResponse> responseStream, ServerCallContext context)
    {
        var caller = CallerOf(context);
        var session = new DeltaSession(node => Identify(node, caller), resources.For, context.Peer, time.GetUtcNow());
        return RunAsync(session, caller, requestStream, responseStream, context);
    }

    private async Task RunAsync<TRequest, TResponse>(AdsSession<TRequest, TResponse> session, SpiffeId? caller, IAsyncStreamReader<TRequest> requests, IServerStreamWriter<TResponse> responses, ServerCallContext context)
        where TResponse : class, Google.Protobuf.IMessage
    {
        using var life = lives.Begin(context.GetHttpContext(), caller);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping, life?.Ended ?? CancellationToken.None);
        try
        {
            await AdsLoop.RunAsync(session, snapshots, requests, responses, ending.Token);
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            LogBroken(session.Node?.Id ?? "(unknown)", context.Peer, life?.Fault?.Status.Detail ?? exception.Message);
            if (life?.Fault is { } fault)
            {
                throw fault;
            }

            if (lifetime.ApplicationStopping.IsCancellationRequested)
            {
                throw new RpcException(new Status(StatusCode.Unavailable, "The control plane is stopping. Connect again."));
            }
        }
    }

    private SpiffeId? CallerOf(ServerCallContext context)
    {
        var http = context.GetHttpContext();
        if (!http.Request.IsHttps)
        {
            return null;
        }

        return MeshCallers.Find(http, time)
            ?? throw new RpcException(new Status(StatusCode.Unauthenticated, "ADS needs a client certificate of this mesh. Get one from IdentityService/IssueIdentity with a join token, and connect with it."));
    }

    private AdsNode Identify(Node? node, SpiffeId? caller)
    {
        var id = node?.Id ?? "";
        if (id.Length > MaxNodeIdLength)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"node.id has {id.Length} characters; at most {MaxNodeIdLength} are allowed."));
        }

        if (caller is not null && workloads.Current.ByInstance.TryGetValue(id, out var workload) && workload.Id != caller)
        {
            LogForeignNode(id, caller, workload.Id);
            throw new RpcException(new Status(StatusCode.PermissionDenied, $"Node '{id}' is registered by '{workload.Id}', but this stream's certificate is of '{caller}'. Use a node id of your own."));
        }

        return new AdsNode(id, caller, NamespaceOf(node, caller), $"{node?.UserAgentName} {node?.UserAgentVersion}".Trim())
        {
            ClaimedLabels = ClaimedLabels(node),
            ClaimedLocality = ClaimedLocality(node?.Locality),
        };
    }

    private static WorkloadLocality ClaimedLocality(Locality? claimed)
        => claimed is { Region.Length: <= MaxPlaceLength, Zone.Length: <= MaxPlaceLength, SubZone.Length: <= MaxPlaceLength } ? new WorkloadLocality(claimed.Region, claimed.Zone, claimed.SubZone) : new WorkloadLocality("", "", "");

    // Istio's proxies and the gRPC clients that its agents set up say them under LABELS.
    private static ImmutableSortedDictionary<string, string> ClaimedLabels(Node? node)
        => node?.Metadata?.Fields.TryGetValue("LABELS", out var labels) == true && labels.StructValue is { } claimed
            ? claimed.Fields.Where(label => label.Value.HasStringValue).Take(MaxLabels).ToImmutableSortedDictionary(label => label.Key, label => label.Value.StringValue, StringComparer.Ordinal)
            : ImmutableSortedDictionary<string, string>.Empty;

    // Where there is a certificate, the namespace is proved; what the node says counts only on the plaintext port.
    private static string NamespaceOf(Node? node, SpiffeId? caller)
    {
        if (caller is not null)
        {
            return AdsNode.NamespaceOf(caller) ?? HostNames.DefaultNamespace;
        }

        return node?.Metadata?.Fields.TryGetValue("NAMESPACE", out var claimed) == true && claimed.StringValue.Length is > 0 and <= 63
            ? claimed.StringValue
            : HostNames.DefaultNamespace;
    }

    [LoggerMessage(6300, LogLevel.Debug, "The ADS stream of node '{Node}' at {Peer} broke: {Reason}")]
    private partial void LogBroken(string node, string peer, string reason);

    [LoggerMessage(6301, LogLevel.Warning, "Refused an ADS stream: node id '{Node}' was claimed by '{Caller}', but belongs to '{Owner}'.")]
    private partial void LogForeignNode(string node, SpiffeId caller, SpiffeId owner);
}
