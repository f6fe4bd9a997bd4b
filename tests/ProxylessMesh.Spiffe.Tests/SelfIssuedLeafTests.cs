using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace ProxylessMesh.Spiffe.Tests;

/// <summary>Leaves with their CA's own name in them and no key identifier, as some Go programs issue them.</summary>
public sealed class SelfIssuedLeafTests : IDisposable
{
    private const string Id = "spiffe://mesh.local/ns/shop/sa/catalog";

    private static readonly X500DistinguishedName Name = new("O=same");

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    public void Dispose() => _key.Dispose();

    [Fact]
    public async Task Two_such_peers_prove_themselves_to_each_other_and_to_others()
    {
        using var root = Root();
        var bundles = Bundles(root);
        var self = Identity(Leaf(root), bundles);
        var proofs = new List<PeerProof>();

        var result = await Handshake.RunAsync(
            SpiffeTls.ForServer(self, static _ => true, [SslApplicationProtocol.Http2], proved: proofs.Add),
            SpiffeTls.ForClient(self, static peer => peer.ToString() == Id, "catalog", [SslApplicationProtocol.Http2], proved: proofs.Add),
            TestEnd);

        Assert.True(result.IsDone, $"{result.Server.Error} {result.Client.Error}");
        Assert.Equal(2, proofs.Count);
        Assert.All(proofs, proof => Assert.True(proof.IsTrustedBy(bundles)));
        Assert.All(proofs, proof => Assert.Equal(self.ExpiresAt, proof.EndsAt));
    }

    [Fact]
    public async Task Peer_that_is_not_expected_is_refused()
    {
        using var root = Root();
        var self = Identity(Leaf(root), Bundles(root));

        var result = await Handshake.RunAsync(
            SpiffeTls.ForServer(self, static _ => false, [SslApplicationProtocol.Http2]), SpiffeTls.ForClient(self, static _ => true, "catalog", [SslApplicationProtocol.Http2]), TestEnd);

        Assert.False(result.IsDone);
    }

    [Fact]
    public async Task Copy_that_signed_itself_is_refused()
    {
        using var root = Root();
        var bundles = Bundles(root);
        var thief = Identity(Leaf(null), bundles);

        var result = await Handshake.RunAsync(
            SpiffeTls.ForServer(Identity(Leaf(root), bundles), static _ => true, [SslApplicationProtocol.Http2]), SpiffeTls.ForClient(thief, static _ => true, "catalog", [SslApplicationProtocol.Http2]), TestEnd);

        Assert.NotNull(result.Server.Error);
    }

    [Fact]
    public void Leaf_of_the_root_is_proved_with_its_root_and_its_end()
    {
        using var root = Root();
        using var leaf = Leaf(root);

        var proof = SelfIssuedLeaf.TryProve(leaf, Bundles(root), Usages("1.3.6.1.5.5.7.3.1"), Now)!;

        Assert.Equal(Id, proof.Id.ToString());
        Assert.Equal(root.RawData, proof.Anchor.ToArray());
        Assert.Null(X509SvidChain.Verify(leaf, [], Bundles(root), Now, out var id));
        Assert.Equal(Id, id!.ToString());
    }

    public static TheoryData<string> Bad => ["other root", "changed", "expired", "not yet valid", "expired root", "other usage", "unknown critical", "name constraints", "root may not sign", "leaf is a CA", "no id", "other domain", "key identifier"];

    [Theory]
    [MemberData(nameof(Bad))]
    public void Leaf_that_breaks_one_rule_proves_nothing(string how)
    {
        using var root = Root(request =>
        {
            if (how == "name constraints")
            {
                request.CertificateExtensions.Add(new X509Extension("2.5.29.30", [0x30, 0x00], critical: false));
            }

            if (how == "root may not sign")
            {
                request.CertificateExtensions.Remove(request.CertificateExtensions.OfType<X509KeyUsageExtension>().Single());
                request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
            }
        });
        using var leaf = Leaf(root, how);
        using var other = Root();
        var now = how switch
        {
            "expired" => Now.AddHours(2),
            "not yet valid" => Now.AddDays(-1),
            "expired root" => Now.AddDays(3),
            _ => Now,
        };
        var shown = how == "changed" ? Changed(leaf) : leaf;

        Assert.Null(SelfIssuedLeaf.TryProve(shown, Bundles(how == "other root" ? other : root), Usages("1.3.6.1.5.5.7.3.2"), now));
    }

    [Fact]
    public void Changed_bytes_prove_nothing_and_throw_nothing()
    {
        using var root = Root();
        using var leaf = Leaf(root);
        var random = new Random(5);
        for (var i = 0; i < 500; i++)
        {
            var bytes = leaf.RawData;
            bytes[random.Next(bytes.Length)] ^= (byte)random.Next(1, 256);
            try
            {
                using var changed = X509CertificateLoader.LoadCertificate(bytes);
                Assert.Null(SelfIssuedLeaf.TryProve(changed, Bundles(root), [], Now));
            }
            catch (CryptographicException)
            {
                // No certificate at all.
            }
        }
    }

    private static X509Certificate2 Changed(X509Certificate2 leaf)
    {
        var bytes = leaf.RawData;
        bytes[^1] ^= 1;
        return X509CertificateLoader.LoadCertificate(bytes);
    }

    private static OidCollection Usages(string usage) => [new Oid(usage)];

    private static TrustBundleSet Bundles(X509Certificate2 root) => new([new TrustBundle(TrustDomain.Parse("mesh.local"), [X509CertificateLoader.LoadCertificate(root.RawData)])]);

    private static WorkloadIdentity Identity(X509Certificate2 leaf, TrustBundleSet bundles) => new(SpiffeId.Parse(Id), leaf, [], bundles);

    private static X509Certificate2 Root(Action<CertificateRequest>? change = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(Name, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        change?.Invoke(request);
        return request.CreateSelfSigned(Now.AddHours(-1), Now.AddDays(2));
    }

    /// <summary>A leaf by the root, or without one by its own key.</summary>
    private X509Certificate2 Leaf(X509Certificate2? root, string how = "")
    {
        var request = new CertificateRequest(Name, _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(how == "leaf is a CA", false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(how == "other usage" ? Usages("1.3.6.1.5.5.7.3.1") : [new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], critical: false));
        if (how != "no id")
        {
            request.CertificateExtensions.Add(new X509Extension(AlternativeNames.Oid, AlternativeNames.Write(how == "other domain" ? "spiffe://other.test/a" : Id), critical: false));
        }

        if (how == "unknown critical")
        {
            request.CertificateExtensions.Add(new X509Extension("1.2.3.4", [0x05, 0x00], critical: true));
        }

        if (how == "key identifier")
        {
            // Then the platform knows that it is not self-signed, and decides alone.
            request.CertificateExtensions.Add(new X509Extension("2.5.29.35", [0x30, 0x03, 0x80, 0x01, 0x07], critical: false));
        }

        if (root is null)
        {
            return request.CreateSelfSigned(Now.AddMinutes(-5), Now.AddHours(1));
        }

        using var signed = request.Create(Name, X509SignatureGenerator.CreateForECDsa(root.GetECDsaPrivateKey()!), Now.AddMinutes(-5), how == "expired root" ? Now.AddDays(30) : Now.AddHours(1), [1, 2, 3]);
        return signed.CopyWithPrivateKey(_key);
    }
}
