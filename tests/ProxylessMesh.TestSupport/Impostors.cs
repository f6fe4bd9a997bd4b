using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.TestSupport;

/// <summary>
/// Identities that must not pass for what they claim, each wrong in one way. Every side that checks a peer is shown all of them.
/// </summary>
internal static class Impostors
{
    private static readonly Dictionary<string, Func<TestCa, SpiffeId, WorkloadIdentity>> Kinds = new()
    {
        ["another root of the same name"] = static (ca, id) => TestCa.Create(ca.TrustDomain.Name).Issue(id, bundles: ca.Bundles),
        ["self-signed copy"] = SelfSigned,
        ["signed by a workload's leaf"] = SignedByLeaf,
        ["expired"] = static (ca, id) => ca.Issue(id, TimeSpan.FromMinutes(-1)),
        ["not yet valid"] = static (ca, id) => ca.Issue(Named(id) with { StartsIn = TimeSpan.FromHours(1) }, id),
        ["two SPIFFE IDs"] = static (ca, id) => ca.Issue(new TestLeaf { Uris = [id.ToString(), id + "-admin"] }, id),
        ["a SPIFFE ID and a web address"] = static (ca, id) => ca.Issue(new TestLeaf { Uris = [id.ToString(), "https://storefront.example/"] }, id),
        ["no names"] = static (ca, id) => ca.Issue(new TestLeaf(), id),
        ["only a DNS name"] = static (ca, id) => ca.Issue(new TestLeaf { DnsNames = ["storefront.shop.svc"] }, id),
        ["ID without a path"] = static (ca, id) => ca.Issue(new TestLeaf { Uris = [$"spiffe://{ca.TrustDomain.Name}"] }, id),
        ["ID with a trailing slash"] = static (ca, id) => ca.Issue(new TestLeaf { Uris = [id + "/"] }, id),
        ["ID with dot segments"] = static (ca, id) => ca.Issue(new TestLeaf { Uris = [$"spiffe://{ca.TrustDomain.Name}/ns/other/../shop/sa/storefront"] }, id),
        ["ID with an escape"] = static (ca, id) => ca.Issue(new TestLeaf { Uris = [id.ToString().Replace("/sa/", "%2Fsa/", StringComparison.Ordinal)] }, id),
        ["ID with a query"] = static (ca, id) => ca.Issue(new TestLeaf { Uris = [id + "?admin"] }, id),
        ["ID with a port"] = static (ca, id) => ca.Issue(new TestLeaf { Uris = [$"spiffe://{ca.TrustDomain.Name}:443{id.Path}"] }, id),
        ["ID with a user"] = static (ca, id) => ca.Issue(new TestLeaf { Uris = [$"spiffe://root@{ca.TrustDomain.Name}{id.Path}"] }, id),
        ["ID with a large letter in the trust domain"] = static (ca, id) => ca.Issue(new TestLeaf { Uris = [$"spiffe://{ca.TrustDomain.Name.ToUpperInvariant()}{id.Path}"] }, id),
        ["ID of another scheme"] = static (ca, id) => ca.Issue(new TestLeaf { Uris = [id.ToString().Replace("spiffe:", "https:", StringComparison.Ordinal)] }, id),
        ["ID of 3000 bytes"] = static (ca, id) => ca.Issue(new TestLeaf { Uris = [id + new string('a', 3000)] }, id),
        ["names that are no names"] = static (ca, id) => ca.Issue(new TestLeaf { RawNames = [0x30, 0x82, 0xFF, 0xFF, 0x86, 0x01] }, id),
        ["right path in a foreign trust domain"] = static (ca, id) => ca.Issue(new TestLeaf { Uris = [$"spiffe://elsewhere.example{id.Path}"] }, id),
        ["CA as leaf"] = static (ca, id) => ca.Issue(Named(id) with { IsAuthority = true, KeyUsage = X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyCertSign }, id),
        ["may sign certificates"] = static (ca, id) => ca.Issue(Named(id) with { KeyUsage = X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyCertSign }, id),
        ["may not sign"] = static (ca, id) => ca.Issue(Named(id) with { KeyUsage = X509KeyUsageFlags.KeyEncipherment }, id),
        ["no key usage"] = static (ca, id) => ca.Issue(Named(id) with { KeyUsage = null }, id),
        ["for signing code only"] = static (ca, id) => ca.Issue(Named(id) with { Usages = ["1.3.6.1.5.5.7.3.3"] }, id),
        ["giant"] = static (ca, id) => ca.Issue(Named(id) with { PaddingBytes = 40_000 }, id),
        ["signed by a certificate whose key is no point"] = SignedByNoKey,
        ["a chain of ten"] = static (ca, id) => Enumerable.Range(0, 8).Aggregate(ca, static (above, _) => above.WithIntermediate()).Issue(id),
    };

    /// <summary>What is wrong with each.</summary>
    public static IReadOnlyCollection<string> Names => Kinds.Keys;

    /// <summary>An impostor of <paramref name="claimed"/> whose own bundle trusts the CA, so that only the other side can refuse.</summary>
    public static WorkloadIdentity Make(string name, TestCa ca, SpiffeId claimed) => Kinds[name](ca, claimed);

    private static TestLeaf Named(SpiffeId id) => new() { Uris = [id.ToString()] };

    private static WorkloadIdentity SelfSigned(TestCa ca, SpiffeId id)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var real = ca.Leaf(Named(id));
        var certificate = Copy(real, key).CreateSelfSigned(real.NotBefore, real.NotAfter);
        return new WorkloadIdentity(id, certificate, [], ca.Bundles);
    }

    /// <summary>A workload that plays CA with the certificate that it has: its own leaf comes along as an intermediate.</summary>
    private static WorkloadIdentity SignedByLeaf(TestCa ca, SpiffeId id)
    {
        var thief = ca.Leaf(Named(SpiffeId.ForServiceAccount(ca.TrustDomain, "shop", "thief")));
        using var thiefKey = thief.GetECDsaPrivateKey()!;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = Copy(ca.Leaf(Named(id)), key).Create(
            thief.SubjectName, X509SignatureGenerator.CreateForECDsa(thiefKey), thief.NotBefore, thief.NotAfter, [0x42, .. RandomNumberGenerator.GetBytes(8)]);
        return new WorkloadIdentity(id, certificate.CopyWithPrivateKey(key), [X509CertificateLoader.LoadCertificate(thief.RawData)], ca.Bundles);
    }

    /// <summary>OpenSSL loads such a certificate and gives up, with an error of its own, where it should check a signature by it.</summary>
    private static WorkloadIdentity SignedByNoKey(TestCa ca, SpiffeId id)
    {
        var below = ca.WithIntermediate();
        var raw = below.Intermediates[0].RawData;
        var point = below.Intermediates[0].PublicKey.EncodedKeyValue.RawData;
        var at = raw.AsSpan().IndexOf(point.AsSpan());
        raw.AsSpan(at + 10, 8).Fill(0xFF);
        return new WorkloadIdentity(id, below.Leaf(Named(id)), [X509CertificateLoader.LoadCertificate(raw)], ca.Bundles);
    }

    // Everything of a real leaf but its key and its signature.
    private static CertificateRequest Copy(X509Certificate2 leaf, ECDsa key)
    {
        var request = new CertificateRequest(leaf.SubjectName, key, HashAlgorithmName.SHA256);
        foreach (var extension in leaf.Extensions.Where(static extension => extension is not (X509AuthorityKeyIdentifierExtension or X509SubjectKeyIdentifierExtension)))
        {
            request.CertificateExtensions.Add(extension);
        }

        return request;
    }
}
