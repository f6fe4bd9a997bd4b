using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.Spiffe;

/// <summary>Whether a chain proves an ID: by the bundle of the ID's own trust domain and no other (X509-SVID §5).</summary>
internal static class X509SvidChain
{
    /// <summary>Most certificates that a peer's chain may have, leaf and root included.</summary>
    public const int MaxLength = 8;

    /// <summary>Judges what a TLS handshake has built: the peer is an SVID of its own trust domain and one that is allowed.</summary>
    public static bool IsAllowed(TrustBundleSet bundles, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors, PeerAuthorizer expected, Action<PeerProof>? proved = null)
    {
        // The name is the SPIFFE ID, so a host name mismatch means nothing; everything else does.
        var proof = certificate is not X509Certificate2 leaf || chain is null ? null : (errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) switch
        {
            SslPolicyErrors.None => Find(leaf, chain, bundles, out var id) is null ? PeerProof.Of(id!, chain) : null,
            SslPolicyErrors.RemoteCertificateChainErrors => SelfIssuedLeaf.TryProve(leaf, bundles, chain.ChainPolicy.ApplicationPolicy, TimeProvider.System.GetUtcNow()),
            _ => null,
        };
        if (proof is null || !expected(proof.Id))
        {
            return false;
        }

        proved?.Invoke(proof);
        return true;
    }

    /// <summary>Verifies a chain that did not come by TLS: an answer of a CA, a file.</summary>
    /// <returns>Why it proves nothing, or <see langword="null"/>.</returns>
    public static string? Verify(X509Certificate2 leaf, X509Certificate2Collection intermediates, TrustBundleSet bundles, DateTimeOffset now, out SpiffeId? id)
    {
        using var chain = new X509Chain { ChainPolicy = Policy(bundles, intermediates) };
        chain.ChainPolicy.VerificationTime = now.UtcDateTime;
        chain.ChainPolicy.VerificationTimeIgnored = false;
        try
        {
            if (!chain.Build(leaf))
            {
                id = SelfIssuedLeaf.TryProve(leaf, bundles, [], now)?.Id;
                return id is not null ? null : string.Join("; ", chain.ChainStatus.Select(static status => $"{status.Status}: {status.StatusInformation.Trim()}"));
            }
        }
        catch (CryptographicException error)
        {
            // OpenSSL loads some certificates that it cannot work with later, such as one whose key is no point of its curve.
            id = null;
            return $"it is malformed: {error.Message}";
        }

        return Find(leaf, chain, bundles, out id);
    }

    /// <summary>Every bundle's roots are custom roots; nothing is downloaded, nothing of the machine is trusted.</summary>
    public static X509ChainPolicy Policy(TrustBundleSet bundles, X509Certificate2Collection extra)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        foreach (var bundle in bundles.Bundles)
        {
            foreach (var authority in bundle.Authorities)
            {
                policy.CustomTrustStore.Add(authority);
            }
        }

        policy.ExtraStore.AddRange(extra);
        return policy;
    }

    private static string? Find(X509Certificate2 leaf, X509Chain chain, TrustBundleSet bundles, out SpiffeId? id)
    {
        if (X509SvidValidator.Check(leaf, out id) is { } broken)
        {
            return broken;
        }

        if (chain.ChainElements.Count is < 2 or > MaxLength)
        {
            return $"its chain has {chain.ChainElements.Count} certificates";
        }

        if (!bundles.TryGet(id!.TrustDomain, out var bundle))
        {
            return $"trust domain '{id.TrustDomain}' is not known here";
        }

        if (!EndsIn(chain, bundle))
        {
            return $"its root is not one of trust domain '{id.TrustDomain}'";
        }

        for (var i = 1; i < chain.ChainElements.Count; i++)
        {
            if (X509SvidValidator.CheckAuthority(chain.ChainElements[i].Certificate) is { } fault)
            {
                return $"signing certificate '{chain.ChainElements[i].Certificate.Subject}': {fault}";
            }
        }

        return null;
    }

    private static bool EndsIn(X509Chain chain, TrustBundle bundle) => bundle.Has(chain.ChainElements[^1].Certificate.RawDataMemory.Span);
}
