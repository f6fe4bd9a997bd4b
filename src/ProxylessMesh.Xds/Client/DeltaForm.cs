using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Grpc.Core;

namespace ProxylessMesh.Xds.Client;

/// <summary>Delta ADS: subscriptions and resources as changes; a reconnect tells the versions that are already here.</summary>
internal sealed class DeltaForm(Node node, ResourceCache cache, XdsClientOptions options) : IAdsForm<DeltaDiscoveryRequest, DeltaDiscoveryResponse>
{
    private readonly TypeStreams _types = new(cache);
    private bool _nodeSent;

    public TypeStreams Types => _types;

    public AsyncDuplexStreamingCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse> Call(
        AggregatedDiscoveryService.AggregatedDiscoveryServiceClient client, CancellationToken cancellationToken)
        => client.DeltaAggregatedResources(cancellationToken: cancellationToken);

    public DeltaDiscoveryRequest? Next(long now)
    {
        if (_types.TakeDue(now) is not { } type)
        {
            return null;
        }

        var request = new DeltaDiscoveryRequest { TypeUrl = type.TypeUrl };
        if (!_nodeSent)
        {
            _nodeSent = true;
            request.Node = node;
        }

        if (type.Resource is not null)
        {
            Subscriptions(type, request, cache[type.Resource]);
        }

        if (type.TakeDue(now) is { } answer)
        {
            request.ResponseNonce = answer.Nonce;
            request.ErrorDetail = AdsNack.Status(answer.Error);
        }

        return request;
    }

    public DiscoveryUpdate Read(DeltaDiscoveryResponse response)
    {
        var type = ResourceType.Find(response.TypeUrl);
        var reader = new ResourceReader(type, response.TypeUrl, options.CertificateProviders).ReadAll(response.Resources);
        return new DiscoveryUpdate
        {
            TypeUrl = response.TypeUrl,
            Type = type,
            Nonce = response.Nonce,
            Version = response.SystemVersionInfo,
            Resources = reader.Resources,
            NamelessErrors = reader.NamelessErrors,
            Removed = [.. response.RemovedResources],
        };
    }

    private static void Subscriptions(TypeStream type, DeltaDiscoveryRequest request, IReadOnlyDictionary<string, CacheEntry> wanted)
    {
        // An empty first request would mean "everything"; TakeDue does not begin a type without names.
        foreach (var (name, entry) in wanted)
        {
            if (type.Names.Add(name))
            {
                request.ResourceNamesSubscribe.Add(name);
                if (!type.IsBegun && entry.Config is not null && entry.Version.Length > 0)
                {
                    request.InitialResourceVersions.Add(name, entry.Version);
                }
            }
        }

        request.ResourceNamesUnsubscribe.AddRange(type.Names.Where(name => !wanted.ContainsKey(name)));
        type.Names.ExceptWith(request.ResourceNamesUnsubscribe);
        type.IsBegun = true;
    }
}
