using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.TestSupport;

/// <summary>A CA for tests: a root of one trust domain, optional intermediates, and leaves as good or as bad as a test wants them.</summary>
internal sealed class TestCa
{
    private readonly TimeProvider _time;
    private readonly X509Certificate2 _signer;

    private TestCa(TrustDomain trustDomain, X509Certificate2 root, X509Certificate2 signer, X509Certificate2Collection intermediates, TimeProvider time)
    {
        TrustDomain = trustDomain;
        Root = root;
        Intermediates = intermediates;
        _signer = signer;
        _time = time;
        Bundle = new TrustBundle(trustDomain, [X509CertificateLoader.LoadCertificate(root.RawData)]);
        Bundles = new TrustBundleSet([Bundle]);
    }

    public TrustDomain TrustDomain { get; }

    /// <summary>The root, with its key.</summary>
    public X509Certificate2 Root { get; }

    public X509Certificate2Collection Intermediates { get; }

    public TrustBundle Bundle { get; }

    /// <summary>The bundle of this CA's trust domain alone.</summary>
    public TrustBundleSet Bundles { get; }

    /// <summary>Makes a new root.</summary>
    public static TestCa Create(string trustDomain = "mesh.local", TimeProvider? time = null)
    {
        time ??= TimeProvider.System;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var root = AuthorityRequest("CN=Test root", key).CreateSelfSigned(time.GetUtcNow().AddHours(-1), time.GetUtcNow().AddDays(30));
        return new TestCa(TrustDomain.Parse(trustDomain), root, root, [], time);
    }

    /// <summary>The same root, with leaves signed by a new intermediate under it.</summary>
    public TestCa WithIntermediate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = AuthorityRequest("CN=Test intermediate " + Guid.NewGuid().ToString("N"), key);
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_signer, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        using var certificate = request.Create(_signer, _signer.NotBefore, _signer.NotAfter, NewSerial());
        var collection = new X509Certificate2Collection(X509CertificateLoader.LoadCertificate(certificate.RawData));
        collection.AddRange(Intermediates);
        return new TestCa(TrustDomain, Root, certificate.CopyWithPrivateKey(key), collection, _time);
    }

    /// <summary>A workload's identity, with this CA's bundle unless others are given.</summary>
    public WorkloadIdentity Issue(string namespaceName, string serviceAccount, TimeSpan? lifetime = null, TrustBundleSet? bundles = null)
        => Issue(SpiffeId.ForServiceAccount(TrustDomain, namespaceName, serviceAccount), lifetime, bundles);

    public WorkloadIdentity Issue(SpiffeId id, TimeSpan? lifetime = null, TrustBundleSet? bundles = null)
        => new(id, Leaf(new TestLeaf { Uris = [id.ToString()], Lifetime = lifetime ?? TimeSpan.FromHours(1) }), Intermediates, bundles ?? Bundles);

    /// <summary>An identity around any leaf, for hostile ones.</summary>
    public WorkloadIdentity Issue(TestLeaf leaf, SpiffeId claimed) => new(claimed, Leaf(leaf), Intermediates, Bundles);

    /// <summary>A leaf with its key.</summary>
    public X509Certificate2 Leaf(TestLeaf leaf)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = Sign(leaf, new PublicKey(key));
        return certificate.CopyWithPrivateKey(key);
    }

    /// <summary>A leaf for somebody else's key.</summary>
    public X509Certificate2 Sign(TestLeaf leaf, PublicKey key)
    {
        var request = new CertificateRequest(new X500DistinguishedName("O=test"), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(leaf.IsAuthority, false, 0, critical: true));
        if (leaf.KeyUsage is { } usage)
        {
            request.CertificateExtensions.Add(new X509KeyUsageExtension(usage, critical: true));
        }

        // Roots of different tests have the same name: only the key identifier tells them apart, as after a root rotation.
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_signer, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        if (leaf.Usages.Count > 0)
        {
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([.. leaf.Usages.Select(static usage => new Oid(usage))], critical: false));
        }

        if (leaf.RawNames is { } names)
        {
            request.CertificateExtensions.Add(new X509Extension("2.5.29.17", names, critical: false));
        }
        else if (leaf.Uris.Count + leaf.DnsNames.Count > 0)
        {
            request.CertificateExtensions.Add(AlternativeNames(leaf));
        }

        if (leaf.PaddingBytes > 0)
        {
            request.CertificateExtensions.Add(new X509Extension("1.3.6.1.4.1.55555.1", new byte[leaf.PaddingBytes], critical: false));
        }

        var notAfter = _time.GetUtcNow() + leaf.StartsIn + leaf.Lifetime;
        var notBefore = leaf.StartsIn > TimeSpan.Zero ? _time.GetUtcNow() + leaf.StartsIn : (notAfter < _time.GetUtcNow() ? notAfter : _time.GetUtcNow()).AddMinutes(-5);
        return request.Create(_signer, notBefore, notAfter, NewSerial());
    }

    private static X509Extension AlternativeNames(TestLeaf leaf)
    {
        // By hand: the framework's builder refuses the very URIs that a hostile certificate has.
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            foreach (var uri in leaf.Uris)
            {
                writer.WriteCharacterString(UniversalTagNumber.IA5String, uri, new Asn1Tag(TagClass.ContextSpecific, 6));
            }

            foreach (var name in leaf.DnsNames)
            {
                writer.WriteCharacterString(UniversalTagNumber.IA5String, name, new Asn1Tag(TagClass.ContextSpecific, 2));
            }
        }

        return new X509Extension("2.5.29.17", writer.Encode(), critical: true);
    }

    private static CertificateRequest AuthorityRequest(string subject, ECDsa key)
    {
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request;
    }

    private static byte[] NewSerial()
    {
        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] &= 0x7F;
        return serial;
    }
}
