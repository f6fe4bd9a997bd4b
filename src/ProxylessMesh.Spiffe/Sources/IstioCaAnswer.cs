using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using IstioCa;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// Turns an answer of Istio's CA into an identity: PEM, leaf first, root last. Nothing of it is believed before the chain has been verified
/// and the leaf is for our key.
/// </summary>
internal static class IstioCaAnswer
{
    /// <param name="answer">From a CA that has proved itself: its root is trusted from now on.</param>
    /// <param name="key">The key of the request.</param>
    /// <param name="known">Roots known beforehand; trusted too, because peers may still have certificates of an older root.</param>
    /// <param name="now">The time to judge by.</param>
    /// <exception cref="IdentityException"><see cref="IdentityError.BadAnswer"/>.</exception>
    public static WorkloadIdentity Read(IstioCertificateResponse answer, ECDsa key, ImmutableArray<X509Certificate2> known, DateTimeOffset now)
    {
        try
        {
            // An element may hold several certificates: istiod with a plugged-in CA sends its chain as one.
            var chain = X509SvidPem.ReadCertificates(string.Join('\n', answer.CertChain), X509SvidChain.MaxLength);
            if (chain.Length < 2)
            {
                throw new FormatException("it has no root");
            }

            using var leaf = chain[0];
            if (X509SvidValidator.Check(leaf, out var id) is { } broken)
            {
                throw new FormatException($"the certificate is no SVID: {broken}");
            }

            var roots = known.Prepend(chain[^1]).DistinctBy(static root => root.Thumbprint).Take(IdentityAnswer.MaxAuthorities).ToImmutableArray();
            var bundles = new TrustBundleSet([new TrustBundle(id!.TrustDomain, roots)]);
            X509Certificate2Collection intermediates = [.. chain.AsSpan()[1..^1]];
            if (X509SvidChain.Verify(leaf, intermediates, bundles, now, out _) is { } fault)
            {
                throw new FormatException($"the certificate of '{id}' (valid from {leaf.NotBefore.ToUniversalTime():u} to {leaf.NotAfter.ToUniversalTime():u}) does not verify at {now:u}: {fault}");
            }

            return new WorkloadIdentity(id, PrivateKey.Attach(leaf, key), intermediates, bundles);
        }
        catch (Exception error) when (error is FormatException or CryptographicException)
        {
            throw new IdentityException(IdentityError.BadAnswer, $"The CA's answer is no usable identity: {error.Message}.", error);
        }
    }
}
