using System.Collections.Immutable;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Federation;

/// <summary>Every bundle document that is in force here: our own and those of other trust domains. Thread safe.</summary>
internal sealed class BundleDocuments : IDisposable
{
    private readonly OwnBundle _own;
    private readonly FederatedBundles _federated;

    public BundleDocuments(OwnBundle own, FederatedBundles federated)
    {
        (_own, _federated) = (own, federated);
        own.Changed += Tell;
        federated.Changed += Tell;
    }

    /// <summary>Raised after one of them has changed.</summary>
    public event Action? Changed;

    /// <summary>Our own first.</summary>
    public ImmutableArray<SpiffeBundle> Current => _federated.Current.Insert(0, _own.Current);

    public SpiffeBundle? Find(TrustDomain trustDomain) => Current.FirstOrDefault(bundle => bundle.TrustDomain == trustDomain);

    public void Dispose()
    {
        _own.Changed -= Tell;
        _federated.Changed -= Tell;
    }

    private void Tell() => Changed?.Invoke();
}
