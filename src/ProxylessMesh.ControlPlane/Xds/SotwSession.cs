using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;

namespace ProxylessMesh.ControlPlane.Xds;

/// <summary>A <c>StreamAggregatedResources</c> stream: state of the world.</summary>
internal sealed class SotwSession(Func<Node?, AdsNode> identify, Func<AdsNode, ResourceLookup> lookupFor, string peer, DateTimeOffset connectedAt)
    : AdsSession<DiscoveryRequest, DiscoveryResponse>(identify, lookupFor, peer, connectedAt)
{
    protected override string Protocol => "sotw";

    public override void Handle(DiscoveryRequest request)
    {
        lock (Lock)
        {
            IdentifyLocked(request.Node);
            SubscriptionLocked(request.TypeUrl, static (typeUrl, lookup) => new SotwSubscription(typeUrl, lookup))?.Handle(request);
        }
    }

    public override DiscoveryResponse? Next(XdsSnapshot snapshot)
    {
        lock (Lock)
        {
            return NextLocked<SotwSubscription, DiscoveryResponse>(snapshot, static (subscription, state, hold, nonce) => subscription.Next(state, hold, nonce));
        }
    }
}
