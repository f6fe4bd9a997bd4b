using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using ProxylessMesh.Protos.V1;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// Turns what a control plane answered, or what a sealed file holds, into an identity, and an identity back into that message. Nothing of
/// it is believed before the chain has been verified by the bundles that come with it.
/// </summary>
internal static class IdentityAnswer
{
    public const int MaxBundles = 256;

    public const int MaxAuthorities = 32;

    /// <summary>Reads and verifies an answer; the leaf must be for <paramref name="key"/>.</summary>
    /// <exception cref="IdentityException"><paramref name="error"/> with what is wrong.</exception>
    public static WorkloadIdentity Read(IssueIdentityResponse answer, ECDsa key, DateTimeOffset now, IdentityError error)
    {
        try
        {
            if (answer.CertificateChain.Count is 0 or > X509SvidChain.MaxLength)
            {
                throw Bad(error, $"it has {answer.CertificateChain.Count} certificates");
            }

            var bundles = ReadBundles(answer.Bundles, error);
            using var leaf = Load(answer.CertificateChain[0], error);
            var intermediates = new X509Certificate2Collection();
            foreach (var intermediate in answer.CertificateChain.Skip(1))
            {
                intermediates.Add(Load(intermediate, error));
            }

            if (X509SvidChain.Verify(leaf, intermediates, bundles, now, out var id) is { } fault)
            {
                throw Bad(error, $"the certificate (valid from {leaf.NotBefore.ToUniversalTime():u} to {leaf.NotAfter.ToUniversalTime():u}) does not verify at {now:u}: {fault}. Where only the times are wrong, compare the clocks of both machines");
            }

            if (!string.Equals(answer.SpiffeId, id!.ToString(), StringComparison.Ordinal))
            {
                throw Bad(error, $"it says '{answer.SpiffeId}' but the certificate is for '{id}'");
            }

            return new WorkloadIdentity(id, WithKey(leaf, key), intermediates, bundles);
        }
        catch (Exception cause) when (cause is CryptographicException or ArgumentException)
        {
            throw Bad(error, $"a certificate or key in it is unreadable: {cause.Message}", cause);
        }
    }

    /// <summary>The identity of the one who issues.</summary>
    public static WorkloadIdentity Own(SpiffeId id, X509Certificate2 leaf, X509Certificate2Collection intermediates, ECDsa key, TrustBundleSet bundles) => new(id, WithKey(leaf, key), intermediates, bundles);

    public static TrustBundle ReadBundle(TrustDomainBundle bundle, IdentityError error)
    {
        if (!TrustDomain.TryParse(bundle.TrustDomain, out var domain))
        {
            throw Bad(error, $"'{bundle.TrustDomain}' is not a trust domain");
        }

        if (bundle.X509Authorities.Count is 0 or > MaxAuthorities)
        {
            throw Bad(error, $"the bundle of '{domain}' has {bundle.X509Authorities.Count} roots; 1 to {MaxAuthorities} are possible");
        }

        var authorities = ImmutableArray.CreateBuilder<X509Certificate2>(bundle.X509Authorities.Count);
        foreach (var der in bundle.X509Authorities)
        {
            var authority = Load(der, error);
            authorities.Add(X509SvidValidator.CheckAuthority(authority) is { } fault ? throw Bad(error, $"root '{authority.Subject}' of '{domain}': {fault}") : authority);
        }

        return new TrustBundle(domain, authorities.MoveToImmutable());
    }

    public static IssueIdentityResponse Write(WorkloadIdentity identity)
    {
        var answer = new IssueIdentityResponse { SpiffeId = identity.Id.ToString(), ControlPlaneSpiffeId = ControlPlaneIdentity.In(identity.Id.TrustDomain).ToString() };
        answer.CertificateChain.Add(ByteString.CopyFrom(identity.Leaf.RawData));
        answer.CertificateChain.AddRange(identity.Intermediates.Select(static certificate => ByteString.CopyFrom(certificate.RawData)));
        answer.Bundles.AddRange(identity.Bundles.Bundles.Select(Write));
        return answer;
    }

    public static TrustDomainBundle Write(TrustBundle bundle)
    {
        var message = new TrustDomainBundle { TrustDomain = bundle.TrustDomain.Name };
        message.X509Authorities.AddRange(bundle.Authorities.Select(static authority => ByteString.CopyFrom(authority.RawData)));
        return message;
    }

    /// <exception cref="IdentityException"><paramref name="error"/> with what is wrong.</exception>
    public static TrustBundleSet ReadBundles(IReadOnlyCollection<TrustDomainBundle> bundles, IdentityError error)
    {
        if (bundles.Count is 0 or > MaxBundles)
        {
            throw Bad(error, $"it has {bundles.Count} bundles");
        }

        var read = new Dictionary<TrustDomain, TrustBundle>();
        foreach (var message in bundles)
        {
            var bundle = ReadBundle(message, error);
            if (!read.TryAdd(bundle.TrustDomain, bundle))
            {
                throw Bad(error, $"trust domain '{bundle.TrustDomain}' is in it twice");
            }
        }

        return new TrustBundleSet(read.Values);
    }

    private static X509Certificate2 Load(ByteString der, IdentityError error)
        => der.Length > X509SvidValidator.MaxCertificateBytes
            ? throw Bad(error, $"a certificate in it has {der.Length} bytes; {X509SvidValidator.MaxCertificateBytes} are the most")
            : X509CertificateLoader.LoadCertificate(der.Span);

    private static X509Certificate2 WithKey(X509Certificate2 leaf, ECDsa key) => PrivateKey.ForTls(leaf.CopyWithPrivateKey(key));

    private static IdentityException Bad(IdentityError error, string why, Exception? cause = null)
        => new(error, error == IdentityError.BadFile ? $"The sealed identity cannot be used: {why}. Delete the file; the process then joins by its token." : $"The control plane's answer is no usable identity: {why}.", cause);
}
