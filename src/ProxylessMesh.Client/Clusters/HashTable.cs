using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>Slots that belong to endpoints; a hash leads to a slot. The same endpoints make the same table in every process. Immutable.</summary>
internal abstract class HashTable(ClusterEndpoint[] endpoints)
{
    public ClusterEndpoint[] Endpoints { get; } = endpoints;

    public abstract int Length { get; }

    public abstract int SlotOf(ulong hash);

    /// <returns>An index of <see cref="Endpoints"/>.</returns>
    public abstract int Owner(int slot);

    public static bool IsUsedBy(LoadBalancerKind kind) => kind is LoadBalancerKind.RingHash or LoadBalancerKind.Maglev;

    /// <summary>The order of <paramref name="members"/> does not matter.</summary>
    public static HashTable? Build(LoadBalancerConfig config, LocalityMember[] members)
    {
        if (members.Length == 0)
        {
            return null;
        }

        LocalityMember[] sorted = [.. members];
        Array.Sort(sorted, static (left, right) => string.CompareOrdinal(left.HashKey, right.HashKey));
        var endpoints = Array.ConvertAll(sorted, static member => member.Endpoint);
        var keys = Array.ConvertAll(sorted, static member => member.HashKey);
        var weights = Array.ConvertAll(sorted, member => config.ByLocalityWeight ? member.HashWeight : member.Weight);
        return config.Kind == LoadBalancerKind.Maglev
            ? new MaglevTable(endpoints, keys, weights, config.MaglevTableSize)
            : new HashRing(endpoints, keys, weights, config.RingHash.MinimumRingSize, config.RingHash.MaximumRingSize);
    }
}

/// <summary>
/// Goes from the slot of a call's hash to the first endpoint that can take it (gRFC A42). A call without a hash begins anywhere.
/// </summary>
/// <param name="table">All endpoints, those that cannot take calls at this moment too.</param>
/// <param name="ignoresAvailability">Panic: they are used as well.</param>
internal sealed class HashBalancer(HashTable table, bool ignoresAvailability) : Balancer(table.Endpoints)
{
    public override ClusterEndpoint Pick(in PickInput input)
    {
        var start = table.SlotOf(input.Hash ?? (ulong)Random.Shared.NextInt64(long.MinValue, long.MaxValue));
        var tried = input.Tried is { } list && list.Count < Endpoints.Length ? list : null;
        ClusterEndpoint? second = null;
        for (var i = 0; i < table.Length; i++)
        {
            var slot = start + i;
            var endpoint = Endpoints[table.Owner(slot < table.Length ? slot : slot - table.Length)];
            if (ignoresAvailability || endpoint.IsAvailable)
            {
                if (tried is null || !tried.Contains(endpoint))
                {
                    return endpoint;
                }

                second ??= endpoint;
            }
        }

        return second ?? Endpoints[table.Owner(start)];
    }
}
