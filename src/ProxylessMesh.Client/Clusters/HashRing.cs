using System.Globalization;
using System.IO.Hashing;
using System.Text;

namespace ProxylessMesh.Client.Clusters;

/// <summary>A ring of hashes of <c>KEY_n</c> by XxHash64, as many of each endpoint as its weight says (gRFC A42, Envoy "Ring hash").</summary>
internal sealed class HashRing : HashTable
{
    /// <summary>The most entries of a ring, as in gRPC: what is configured above it is cut to it.</summary>
    public const int MaxSize = 4096;

    private readonly ulong[] _hashes;
    private readonly int[] _owners;

    public HashRing(ClusterEndpoint[] endpoints, string[] keys, double[] weights, int minSize, int maxSize)
        : base(endpoints)
    {
        var total = weights.Sum();
        var least = weights.Min() / total;
        var scale = Math.Min(Math.Ceiling(least * Math.Min(minSize, MaxSize)) / least, Math.Min(maxSize, MaxSize));
        var hashes = new List<ulong>((int)scale + 1);
        var owners = new List<int>((int)scale + 1);
        var due = 0.0;
        var text = new StringBuilder();
        for (var i = 0; i < keys.Length; i++)
        {
            due += scale * weights[i] / total;
            for (var n = 0; hashes.Count < due; n++)
            {
                text.Clear().Append(keys[i]).Append('_').Append(CultureInfo.InvariantCulture, $"{n}");
                hashes.Add(XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(text.ToString())));
                owners.Add(i);
            }
        }

        _hashes = [.. hashes];
        _owners = [.. owners];
        Array.Sort(_hashes, _owners);
    }

    public override int Length => _hashes.Length;

    /// <summary>The first entry that is not before the hash; after the last comes the first.</summary>
    public override int SlotOf(ulong hash)
    {
        var (low, high) = (0, _hashes.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _hashes[middle] < hash ? (middle + 1, high) : (low, middle);
        }

        return low == _hashes.Length ? 0 : low;
    }

    public override int Owner(int slot) => _owners[slot];
}
