using System.Security.Cryptography;
using System.Text;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>
/// The bundles that every workload is to have: our own roots and those of the trust domains we are federated with, one version for all.
/// Thread safe.
/// </summary>
internal sealed class MeshTrust : IDisposable
{
    private readonly Lock _gate = new();
    private readonly CertificateAuthority _authority;
    private IReadOnlyList<TrustBundle> _federated = [];
    private TrustState _current;

    public MeshTrust(CertificateAuthority authority)
    {
        _authority = authority;
        _current = Make();
        authority.Changed += Update;
    }

    /// <summary>Raised after <see cref="Current"/> has changed.</summary>
    public event Action? Changed;

    public TrustState Current => Volatile.Read(ref _current);

    /// <summary>Replaces the bundles of the other trust domains. One of our own trust domain is left out: nobody else says what our roots are.</summary>
    public void SetFederated(IReadOnlyList<TrustBundle> bundles)
    {
        lock (_gate)
        {
            _federated = [.. bundles.Where(bundle => bundle.TrustDomain != _authority.TrustDomain)];
        }

        Update();
    }

    public void Dispose() => _authority.Changed -= Update;

    private void Update()
    {
        lock (_gate)
        {
            var next = Make();
            if (next.Version == _current.Version)
            {
                return;
            }

            Volatile.Write(ref _current, next);
        }

        Changed?.Invoke();
    }

    private TrustState Make()
    {
        var keys = _authority.Keys;
        var bundles = new TrustBundleSet(_federated.Prepend(_authority.BundleOf(keys)));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var bundle in bundles.Bundles.OrderBy(static bundle => bundle.TrustDomain.Name, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.ASCII.GetBytes($"{bundle.TrustDomain.Name} {bundle.Authorities.Length}\n"));
            foreach (var root in bundle.Authorities)
            {
                hash.AppendData(SHA256.HashData(root.RawDataMemory.Span));
            }
        }

        hash.AppendData(keys.Active.KeyId.Span);
        return new TrustState(Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 8)), bundles, keys);
    }
}

/// <summary>What workloads are to trust at one moment. Immutable.</summary>
/// <param name="Version">Names the content: the same bundles and the same signing key have the same one, also after a restart.</param>
/// <param name="Bundles">Of every trust domain.</param>
/// <param name="Keys">The authorities that our own roots belong to.</param>
internal sealed record TrustState(string Version, TrustBundleSet Bundles, CaKeys Keys);
