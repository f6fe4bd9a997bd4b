using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;

namespace ProxylessMesh.Spiffe;

/// <summary>The bundles of every trust domain that a workload may meet. Immutable.</summary>
public sealed class TrustBundleSet
{
    private readonly FrozenDictionary<TrustDomain, TrustBundle> _bundles;

    /// <summary>Initializes a new instance of the <see cref="TrustBundleSet"/> class.</summary>
    /// <param name="bundles">One bundle per trust domain.</param>
    public TrustBundleSet(IEnumerable<TrustBundle> bundles) => _bundles = bundles.ToFrozenDictionary(static bundle => bundle.TrustDomain);

    /// <summary>Gets the bundles, in no order.</summary>
    public IReadOnlyCollection<TrustBundle> Bundles => _bundles.Values;

    /// <summary>Finds the bundle that certificates of a trust domain are checked against, and no other.</summary>
    /// <param name="domain">The trust domain of the ID in the certificate.</param>
    /// <param name="bundle">Its bundle.</param>
    /// <returns>Whether the trust domain is known.</returns>
    public bool TryGet(TrustDomain domain, [NotNullWhen(true)] out TrustBundle? bundle) => _bundles.TryGetValue(domain, out bundle);

    /// <summary>The same with more bundles. The roots of a trust domain that is here already are added to its own.</summary>
    internal TrustBundleSet With(IReadOnlyList<TrustBundle> more)
    {
        if (more.Count == 0)
        {
            return this;
        }

        var all = new Dictionary<TrustDomain, TrustBundle>(_bundles);
        foreach (var bundle in more)
        {
            all[bundle.TrustDomain] = all.TryGetValue(bundle.TrustDomain, out var own)
                ? own with { Authorities = [.. own.Authorities.Concat(bundle.Authorities).DistinctBy(static root => root.Thumbprint)] }
                : bundle;
        }

        return new TrustBundleSet(all.Values);
    }

    /// <summary>Whether another set has the same roots for the same trust domains, in any order.</summary>
    internal bool IsSameAs(TrustBundleSet other)
    {
        if (ReferenceEquals(this, other))
        {
            return true;
        }

        foreach (var bundle in Bundles)
        {
            if (!other.TryGet(bundle.TrustDomain, out var theirs) || theirs.Authorities.Length != bundle.Authorities.Length || !bundle.Authorities.All(root => theirs.Has(root.RawDataMemory.Span)))
            {
                return false;
            }
        }

        return Bundles.Count == other.Bundles.Count;
    }
}
