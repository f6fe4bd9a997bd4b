using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace ProxylessMesh.Client.Clusters;

/// <summary>Stays with one endpoint until it fails, then goes to the next of the list (pick first, gRFC A62).</summary>
internal sealed class PickFirstBalancer(ClusterEndpoint[] endpoints) : Balancer(endpoints)
{
    public override ClusterEndpoint Pick(in PickInput input) => Endpoints[0];

    /// <param name="members">In the order of the config, those that can take calls.</param>
    /// <param name="seed">Null: that order is kept; otherwise it is shuffled, for one client always alike.</param>
    public static PickFirstBalancer Of(LocalityMember[] members, long? seed)
    {
        var endpoints = Array.ConvertAll(members, static member => member.Endpoint);
        if (seed is { } salt)
        {
            Array.Sort(Array.ConvertAll(members, member => Rank(member.HashKey, salt)), endpoints);
        }

        // The one in use stays in use, though one before it has come back.
        var chosen = 0;
        for (var i = 1; i < endpoints.Length; i++)
        {
            chosen = endpoints[i].ChosenAt > endpoints[chosen].ChosenAt ? i : chosen;
        }

        (endpoints[0], endpoints[chosen]) = (endpoints[chosen], endpoints[0]);
        endpoints[0].ChosenAt = endpoints[0].Owner.NextChoice();
        return new PickFirstBalancer(endpoints);
    }

    /// <summary>The place of a key in the order of one client.</summary>
    public static ulong Rank(string key, long seed) => XxHash64.HashToUInt64(MemoryMarshal.AsBytes(key.AsSpan()), seed);
}
