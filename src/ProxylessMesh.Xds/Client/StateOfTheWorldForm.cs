using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Grpc.Core;

namespace ProxylessMesh.Xds.Client;

/// <summary>State-of-the-world ADS: each request names everything that is wanted of a type.</summary>
internal sealed class StateOfTheWorldForm(Node node, ResourceCache cache, XdsClientOptions options) : IAdsForm<DiscoveryRequest, DiscoveryResponse>
{
    private readonly TypeStreams _types = new(cache);
    private bool _nodeSent;

    public TypeStreams Types => _types;

    public AsyncDuplexStreamingCall<DiscoveryRequest, DiscoveryResponse> Call(
        AggregatedDiscoveryService.AggregatedDiscoveryServiceClient client, CancellationToken cancellationToken)
        => client.StreamAggregatedResources(cancellationToken: cancellationToken);

    public DiscoveryRequest? Next(long now)
    {
        if (_types.TakeDue(now) is not { } type)
        {
            return null;
        }

        var request = new DiscoveryRequest { TypeUrl = type.TypeUrl };
        if (!_nodeSent)
        {
            _nodeSent = true;
            request.Node = node;
        }

        if (type.Resource is not null)
        {
            type.Names.Clear();
            type.Names.UnionWith(cache[type.Resource].Keys);
            request.ResourceNames.AddRange(type.Names);
            type.IsBegun = true;
        }

        // Here the nonce goes with every request, not with answers alone: one with an older nonce would be taken for stale. So a
        // new name takes a NACK along that is held back.
        var answer = type.TakeDue(now) ?? type.TakeLast();
        request.ResponseNonce = answer?.Nonce ?? type.Nonce;
        request.VersionInfo = type.Version;
        request.ErrorDetail = AdsNack.Status(answer?.Error);
        return request;
    }

    public DiscoveryUpdate Read(DiscoveryResponse response)
    {
        var type = ResourceType.Find(response.TypeUrl);
        var reader = new ResourceReader(type, response.TypeUrl, options.CertificateProviders).ReadAll(response.Resources, response.VersionInfo);
        return new DiscoveryUpdate
        {
            TypeUrl = response.TypeUrl,
            Type = type,
            Nonce = response.Nonce,
            Version = response.VersionInfo,
            Resources = reader.Resources,
            NamelessErrors = reader.NamelessErrors,
            IsWhole = true,
        };
    }
}
