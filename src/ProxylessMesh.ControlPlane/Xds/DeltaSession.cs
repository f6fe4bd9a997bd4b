using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;

namespace ProxylessMesh.ControlPlane.Xds;

/// <summary>A <c>DeltaAggregatedResources</c> stream.</summary>
internal sealed class DeltaSession(Func<Node?, AdsNode> identify, Func<AdsNode, ResourceLookup> lookupFor, string peer, DateTimeOffset connectedAt)
    : AdsSession<DeltaDiscoveryRequest, DeltaDiscoveryResponse>(identify, lookupFor, peer, connectedAt)
{
    protected override string Protocol => "delta";

    public override void Handle(DeltaDiscoveryRequest request)
    {
        lock (Lock)
        {
            IdentifyLocked(request.Node);
            SubscriptionLocked(request.TypeUrl, static (typeUrl, lookup) => new DeltaSubscription(typeUrl, lookup))?.Handle(request);
        }
    }

    public override DeltaDiscoveryResponse? Next(XdsSnapshot snapshot)
    {
        lock (Lock)
        {
            return NextLocked<DeltaSubscription, DeltaDiscoveryResponse>(snapshot, static (subscription, state, hold, nonce) => subscription.Next(state, hold, nonce));
        }
    }
}
