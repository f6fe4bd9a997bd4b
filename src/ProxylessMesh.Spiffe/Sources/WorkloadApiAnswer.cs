using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using WorkloadApi;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// Turns what a SPIFFE Workload API sends into an identity (SPIFFE Workload API §5.2.1). Nothing of it is believed before the chain has been
/// verified by the bundle that comes with it.
/// </summary>
internal static class WorkloadApiAnswer
{
    /// <summary>Reads the default identity (the first), or the first with a hint.</summary>
    /// <param name="answer">The message, whole.</param>
    /// <param name="hint">Empty: the default identity.</param>
    /// <param name="now">The time to judge by.</param>
    /// <exception cref="IdentityException"><see cref="IdentityError.BadAnswer"/>, or <see cref="IdentityError.NotAllowed"/> where there is none of that hint.</exception>
    public static WorkloadIdentity Read(X509SVIDResponse answer, string hint, DateTimeOffset now)
    {
        var svid = answer.Svids.FirstOrDefault(svid => hint.Length == 0 || string.Equals(svid.Hint, hint, StringComparison.Ordinal))
            ?? throw new IdentityException(
                IdentityError.NotAllowed,
                answer.Svids.Count == 0
                    ? "The SPIFFE agent has no identity for this process. Register the workload there (with SPIRE: 'spire-server entry create')."
                    : $"The SPIFFE agent has no identity with hint '{hint}' for this process, only '{string.Join("', '", answer.Svids.Select(static svid => svid.Hint))}'. Change Mesh:Identity:WorkloadApi:Hint, or the entry there.");
        try
        {
            var id = SpiffeId.Parse(svid.SpiffeId);
            var chain = DerCertificates.ReadAll(svid.X509Svid.Memory, X509SvidChain.MaxLength);
            if (chain.IsEmpty)
            {
                throw new FormatException("the chain is empty");
            }

            var bundles = ReadBundles(answer, id.TrustDomain, svid);
            using var leaf = chain[0];
            X509Certificate2Collection intermediates = [.. chain.AsSpan()[1..]];
            if (X509SvidChain.Verify(leaf, intermediates, bundles, now, out var proved) is { } fault)
            {
                throw new FormatException($"the certificate (valid from {leaf.NotBefore.ToUniversalTime():u} to {leaf.NotAfter.ToUniversalTime():u}) does not verify at {now:u}: {fault}");
            }

            return proved == id
                ? new WorkloadIdentity(id, PrivateKey.Attach(leaf, PrivateKey.FromPkcs8(svid.X509SvidKey.Memory)), intermediates, bundles)
                : throw new FormatException($"it says '{id}' but the certificate is for '{proved}'");
        }
        catch (Exception error) when (error is FormatException or CryptographicException)
        {
            throw new IdentityException(IdentityError.BadAnswer, $"What the SPIFFE agent sent for '{svid.SpiffeId}' is no usable identity: {error.Message}.", error);
        }
    }

    private static TrustBundleSet ReadBundles(X509SVIDResponse answer, TrustDomain own, X509SVID svid)
    {
        if (answer.FederatedBundles.Count >= IdentityAnswer.MaxBundles)
        {
            throw new FormatException($"it has {answer.FederatedBundles.Count} federated bundles; {IdentityAnswer.MaxBundles} are the most");
        }

        // What is in both is the trust domain's own business: the SVID's bundle counts.
        var bundles = new Dictionary<TrustDomain, TrustBundle>();
        foreach (var (key, ders) in answer.FederatedBundles)
        {
            var domain = SpiffeId.TryParse(key, out var id) && id.Path.Length == 0 ? id.TrustDomain : TrustDomain.Parse(key);
            bundles[domain] = new TrustBundle(domain, DerCertificates.ReadAll(ders.Memory, IdentityAnswer.MaxAuthorities));
        }

        bundles[own] = new TrustBundle(own, DerCertificates.ReadAll(svid.Bundle.Memory, IdentityAnswer.MaxAuthorities));
        return new TrustBundleSet(bundles.Values);
    }
}
