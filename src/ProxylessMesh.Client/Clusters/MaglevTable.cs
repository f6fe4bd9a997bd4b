using System.IO.Hashing;
using System.Text;

namespace ProxylessMesh.Client.Clusters;

/// <summary>Google's Maglev table as Envoy fills it: each endpoint in turn takes the next free slot of its own permutation, as often as its weight says.</summary>
internal sealed class MaglevTable : HashTable
{
    private readonly int[] _owners;

    /// <param name="endpoints">In the order of their keys.</param>
    /// <param name="keys">What the permutations are made from.</param>
    /// <param name="weights">More than 0.</param>
    /// <param name="size">A prime.</param>
    public MaglevTable(ClusterEndpoint[] endpoints, string[] keys, double[] weights, int size)
        : base(endpoints)
    {
        _owners = new int[size];
        Array.Fill(_owners, -1);
        var heaviest = weights.Max();
        var next = new ulong[keys.Length];
        var skips = new ulong[keys.Length];
        var due = new double[keys.Length];
        for (var i = 0; i < keys.Length; i++)
        {
            var key = Encoding.UTF8.GetBytes(keys[i]);
            next[i] = XxHash64.HashToUInt64(key) % (ulong)size;
            skips[i] = (XxHash64.HashToUInt64(key, 1) % (ulong)(size - 1)) + 1;
        }

        var filled = 0;
        for (var round = 1; filled < size; round++)
        {
            for (var i = 0; i < keys.Length && filled < size; i++)
            {
                if (round * weights[i] < due[i])
                {
                    continue;
                }

                due[i] += heaviest;
                while (_owners[next[i]] >= 0)
                {
                    next[i] = (next[i] + skips[i]) % (ulong)size;
                }

                _owners[next[i]] = i;
                filled++;
            }
        }
    }

    public override int Length => _owners.Length;

    public override int SlotOf(ulong hash) => (int)(hash % (ulong)_owners.Length);

    public override int Owner(int slot) => _owners[slot];
}
