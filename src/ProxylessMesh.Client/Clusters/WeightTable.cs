namespace ProxylessMesh.Client.Clusters;

/// <summary>Unequal weights laid side by side: a point on their whole length tells whose it is. Immutable.</summary>
internal sealed class WeightTable
{
    private readonly double[] _limits;
    private readonly double _total;

    private WeightTable(double[] weights)
    {
        _limits = new double[weights.Length];
        for (var i = 0; i < weights.Length; i++)
        {
            _limits[i] = _total += weights[i];
        }
    }

    /// <returns>Null when all weights are equal.</returns>
    public static WeightTable? For(double[] weights) => Array.TrueForAll(weights, weight => weight == weights[0]) ? null : new WeightTable(weights);

    /// <param name="fraction">0 to 1, without 1.</param>
    public int Find(double fraction)
    {
        var point = fraction * _total;
        var (low, high) = (0, _limits.Length - 1);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _limits[middle] > point ? (low, middle) : (middle + 1, high);
        }

        return low;
    }
}
