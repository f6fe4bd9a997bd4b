using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;
using static ProxylessMesh.Fuzz.FuzzTargets;

namespace ProxylessMesh.Fuzz;

/// <summary>Who somebody says he is: IDs, certificates, requests for them, tokens.</summary>
internal static class IdentityTargets
{
    private static readonly SpiffeId Id = SpiffeId.Parse("spiffe://mesh.local/ns/shop/sa/catalog");

    private static readonly TestCa Ca = TestCa.Create();

    private static readonly byte[][] DerWords = [[0x30, 0x80], [0x30, 0x82, 0xFF, 0xFF], [0x30, 0x84, 0x7F, 0xFF, 0xFF, 0xFF], [0x06, 0x03, 0x55, 0x1D, 0x11], [0x86, 0x00], [0x04, 0x00], [0x01, 0x01, 0xFF], [0xA0, 0x03], [0x02, 0x01, 0x00], [0x05, 0x00]];

    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("spiffe-id", [Bytes(Id.ToString()), Bytes("spiffe://a.b-c_d.9/x/Y.z-_9"), Bytes("spiffe://td")], SpiffeIds) { Words = Words("spiffe://", "/", "//", "/../", "/./", "%2F", "..", "@", ":80", "?", "#", "\u212A", "A", new string('a', 2048)) },
        new("x509-svid", [Leaf(), Leaf(Ca.WithIntermediate())], Certificate) { Words = DerWords },
        new("certificate-chain", [[.. Leaf(), .. Ca.Root.RawData], [.. Leaf(Ca.WithIntermediate()), .. Ca.WithIntermediate().Intermediates[0].RawData]], static bytes => Takes<FormatException>(() => DerCertificates.ReadAll(bytes, X509SvidChain.MaxLength))) { Words = DerWords },
        new("alternative-names", [AlternativeNames.Write(Id.ToString())], static bytes => Takes<AsnContentException>(() => AlternativeNames.Read(bytes, out _))) { Words = DerWords },
        new("csr", [Request(), Request(Id)], SigningRequests) { Words = DerWords },
        new("csr-pem", [Pem(Request())], static bytes => Refusal(SigningRequest.TryReadPem(Text(bytes), out var fault), fault)) { Words = Words("-----BEGIN CERTIFICATE REQUEST-----", "-----END CERTIFICATE REQUEST-----", "-----BEGIN NEW CERTIFICATE REQUEST-----", "\n", "=", "AAAA") },
        new("join-token", [Bytes(JoinToken.Create(SHA256.HashData(Ca.Root.RawData)).Text)], JoinTokens) { Words = Words(".", "..", "mesh", "=", "-", "_", "AAAA") },
    ];

    private static bool SpiffeIds(byte[] bytes)
    {
        var text = Text(bytes);
        if (!SpiffeId.TryParse(text, out var id))
        {
            return false;
        }

        Must(id.ToString() == text, "An ID is not its text.");
        Must(bytes.Length <= 2048 && text.All(static c => c is >= '-' and <= '9' or (>= 'a' and <= 'z') or (>= 'A' and <= 'Z') or '_' or ':'), "An ID has a character that none has.");
        Must(id.Path.Split('/').Skip(1).All(static segment => segment is not ("" or "." or "..")), "An ID has an empty or dot segment.");
        Must(!id.TrustDomain.Name.Any(char.IsUpper), "A trust domain has a large letter.");
        return true;
    }

    private static bool Certificate(byte[] bytes)
    {
        X509Certificate2 certificate;
        try
        {
            certificate = DerCertificates.Read(bytes);
        }
        catch (FormatException)
        {
            return false;
        }

        using (certificate)
        {
            var rule = X509SvidValidator.Check(certificate, out var id);
            Must(rule is null == id is not null, "A broken SVID has an ID, or a good one has none.");
            var authority = X509SvidValidator.CheckAuthority(certificate);
            Must(rule is not null || authority is not null, "A certificate is both an SVID and a signing certificate.");

            // Nothing but what the CA signed verifies: whatever was changed, the ID is the one that was issued.
            var fault = X509SvidChain.Verify(certificate, Ca.WithIntermediate().Intermediates, Ca.Bundles, TimeProvider.System.GetUtcNow(), out var proved);
            Must(fault is not null || proved == Id, "A certificate that the CA did not sign verifies.");
            return rule is null;
        }
    }

    private static bool SigningRequests(byte[] bytes)
    {
        var request = SigningRequest.TryRead(bytes, out var fault);
        Must(request is null || !request.IsWithin(SpiffeId.Parse("spiffe://mesh.local/ns/shop/sa/admin")) || request.Uris.Count == 0, "A request for one ID is within another.");
        return Refusal(request, fault);
    }

    private static bool Refusal(object? taken, string fault)
    {
        Must(taken is not null || fault.Length > 0, "A request is refused without a word.");
        return taken is not null;
    }

    private static bool JoinTokens(byte[] bytes)
    {
        var text = Text(bytes);
        if (!JoinToken.TryParse(text, out var token))
        {
            return false;
        }

        Must(token.Text == text.Trim(), "One token has two texts.");
        Must(token.Secret.Length == JoinToken.SecretBytes && !token.ToString().Contains(text.Split('.')[2], StringComparison.Ordinal), "A token shows its secret.");
        return true;
    }

    private static byte[] Leaf(TestCa? ca = null) => (ca ?? Ca).Leaf(new TestLeaf { Uris = [Id.ToString()] }).RawData;

    private static byte[] Request(SpiffeId? named = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=x", key, HashAlgorithmName.SHA256);
        if (named is not null)
        {
            request.CertificateExtensions.Add(new X509Extension(AlternativeNames.Oid, AlternativeNames.Write(named.ToString()), critical: false));
        }

        return request.CreateSigningRequest();
    }

    private static byte[] Pem(byte[] request) => Bytes(PemEncoding.WriteString("CERTIFICATE REQUEST", request));
}
