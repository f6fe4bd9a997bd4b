using System.Globalization;
using Envoy.Config.Core.V3;
using Google.Protobuf;
using ProxylessMesh.Protos;

namespace ProxylessMesh.ControlPlane.Xds;

/// <summary>
/// What one ADS stream asked for and has, without any I/O: requests go in, the next response comes out, always of the latest state.
/// The stream's loop is its only writer; status and drains are read from other threads, under the same lock.
/// </summary>
/// <remarks>
/// Make before break: a response with new or changed Clusters and endpoints goes before the Listeners and routes that need them, and
/// what is gone is taken away only when the client has taken the Listeners and routes that no longer name it.
/// </remarks>
internal abstract class AdsSession(Func<Node?, AdsNode> identify, Func<AdsNode, ResourceLookup> lookupFor, string peer, DateTimeOffset connectedAt)
{
    // Types that we do not serve are answered as missing; a few of them may be asked for.
    private const int MaxForeignTypes = 8;

    // The order of sending; other types come last.
    private static readonly string[] Order = [XdsTypeUrls.Cluster, XdsTypeUrls.ClusterLoadAssignment, XdsTypeUrls.Listener, XdsTypeUrls.RouteConfiguration];

    private readonly List<Subscription> _subscriptions = new(Order.Length);
    private ResourceLookup? _lookup;
    private long _nonce;

    /// <summary>Rung when there is a new snapshot.</summary>
    public WakeSignal Signal { get; } = new();

    /// <summary>Null before the first request.</summary>
    public AdsNode? Node { get; private set; }

    protected abstract string Protocol { get; }

    protected Lock Lock { get; } = new();

    public NodeStatus Status()
    {
        lock (Lock)
        {
            return new NodeStatus(Node, Protocol, peer, connectedAt, [.. _subscriptions.Select(static s => new TypeStatus(s.TypeUrl, s.Names.Count, s.ConfirmedSnapshot, s.ConfirmedRevision, s.IsUnacknowledged, s.Nack))]);
        }
    }

    /// <summary>Whether the stream uses any of these resources, and if so, whether it has taken the snapshot or a later one.</summary>
    public (bool Subscribes, bool HasTaken) Progress(string typeUrl, IReadOnlySet<string> names, long snapshotNumber)
    {
        lock (Lock)
        {
            var subscription = Subscriptions(typeUrl).FirstOrDefault(s => s.IsWildcard || s.Names.Overlaps(names));
            return (subscription is not null, subscription is not null && subscription.ConfirmedSnapshot >= snapshotNumber);
        }
    }

    /// <summary>Finds or makes the subscription to a type; null when there are too many types.</summary>
    protected TSubscription? SubscriptionLocked<TSubscription>(string typeUrl, Func<string, ResourceLookup, TSubscription> create)
        where TSubscription : Subscription
    {
        if (Subscriptions(typeUrl).FirstOrDefault() is { } present)
        {
            return (TSubscription)present;
        }

        if (IsForeign(typeUrl) && (typeUrl.Length is 0 or > 256 || _subscriptions.Count(static s => IsForeign(s.TypeUrl)) >= MaxForeignTypes))
        {
            return null;
        }

        var made = create(typeUrl, _lookup!);
        _subscriptions.Add(made);
        _subscriptions.Sort(static (left, right) => RankOf(left.TypeUrl).CompareTo(RankOf(right.TypeUrl)));
        return made;
    }

    /// <summary>The first request of a stream tells who asks.</summary>
    protected void IdentifyLocked(Node? node)
    {
        if (Node is null)
        {
            Node = identify(node);
            _lookup = lookupFor(Node);
        }
    }

    protected TResponse? NextLocked<TSubscription, TResponse>(XdsSnapshot snapshot, Func<TSubscription, XdsSnapshot, bool, Func<string>, TResponse?> next)
        where TSubscription : Subscription
        where TResponse : class, IMessage
    {
        foreach (var subscription in _subscriptions)
        {
            if (next((TSubscription)subscription, snapshot, IsReferredTo(subscription), NextNonce) is { } response)
            {
                return response;
            }
        }

        if (_subscriptions.Exists(s => !IsReferredTo(s) && IsReferring(s) && !s.IsCurrent(snapshot)))
        {
            return null;
        }

        foreach (var subscription in _subscriptions)
        {
            if (IsReferredTo(subscription) && next((TSubscription)subscription, snapshot, false, NextNonce) is { } response)
            {
                return response;
            }
        }

        return null;
    }

    private static bool IsReferredTo(Subscription subscription) => subscription.TypeUrl is XdsTypeUrls.Cluster or XdsTypeUrls.ClusterLoadAssignment;

    private static bool IsReferring(Subscription subscription) => subscription.TypeUrl is XdsTypeUrls.Listener or XdsTypeUrls.RouteConfiguration;

    private static bool IsForeign(string typeUrl) => RankOf(typeUrl) == Order.Length;

    private static int RankOf(string typeUrl) => Array.IndexOf(Order, typeUrl) is var rank and >= 0 ? rank : Order.Length;

    private IEnumerable<Subscription> Subscriptions(string typeUrl) => _subscriptions.Where(s => s.TypeUrl == typeUrl);

    private string NextNonce() => (++_nonce).ToString(CultureInfo.InvariantCulture);
}

/// <summary>A session of one of the two protocols.</summary>
/// <typeparam name="TRequest">Its requests.</typeparam>
/// <typeparam name="TResponse">Its responses.</typeparam>
internal abstract class AdsSession<TRequest, TResponse>(Func<Node?, AdsNode> identify, Func<AdsNode, ResourceLookup> lookupFor, string peer, DateTimeOffset connectedAt)
    : AdsSession(identify, lookupFor, peer, connectedAt)
    where TResponse : class, IMessage
{
    /// <summary>Takes a request in.</summary>
    /// <exception cref="Grpc.Core.RpcException">The node may not have this stream.</exception>
    public abstract void Handle(TRequest request);

    /// <summary>The next response of the latest state, or null when there is nothing to say now.</summary>
    public abstract TResponse? Next(XdsSnapshot snapshot);
}
