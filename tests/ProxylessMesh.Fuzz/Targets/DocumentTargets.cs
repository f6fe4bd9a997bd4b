using System.Buffers.Text;
using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Bootstrap;
using WorkloadApi;
using static ProxylessMesh.Fuzz.FuzzTargets;

namespace ProxylessMesh.Fuzz;

/// <summary>Documents about identities: bundles, JWT-SVIDs, PEM files, answers of a CA or an agent, bootstrap files.</summary>
internal static class DocumentTargets
{
    private static readonly SpiffeId Id = SpiffeId.Parse("spiffe://mesh.local/ns/shop/sa/catalog");

    private static readonly TestCa Ca = TestCa.Create();

    private static readonly ECDsa TokenKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private static readonly SpiffeBundle Bundle = new()
    {
        TrustDomain = Ca.TrustDomain,
        X509Authorities = Ca.Bundle.Authorities,
        JwtAuthorities = new Dictionary<string, JwtAuthority> { ["k1"] = new("k1", TokenKey) }.ToFrozenDictionary(),
        Sequence = 7,
        RefreshHint = TimeSpan.FromMinutes(5),
    };

    private static readonly ECDsa AnswerKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private static readonly IReadOnlyList<byte[]> JsonWords = Words("{}", "[]", "null", "\"\"", "\"keys\":", "\"use\":", "\"x5c\":", "\"kid\":", "\"kty\":\"RSA\"", "\"n\":\"AQAB\"", "\"e\":\"AQAB\"", "\"\\ud800\"", "{\"a\":", "[[[[[[[[", "\"spiffe_sequence\":-1", "1e400", ",", ":", "\u0000");

    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("bundle", [SpiffeBundleWriter.Write(Bundle)], static bytes => Takes<FormatException>(() => SpiffeBundleReader.Read(bytes, Ca.TrustDomain))) { Words = JsonWords },
        new("bundle-map", [Map()], static bytes => Takes<FormatException>(() => SpiffeBundleReader.ReadMap(bytes))) { Words = JsonWords },
        new("jwt-svid", [Bytes(Jwt("""{"alg":"ES256","kid":"k1","typ":"JWT"}""")), Bytes(Jwt("""{"alg":"ES256","kid":"k1"}"""))], Token) { Words = Words(".", "..", "eyJhbGciOiJub25lIn0", "e30", "bnVsbA", "=", "-_") },
        new("svid-pem", [Bytes(Pem())], static bytes => Takes<FormatException>(() => X509SvidPem.Read(Text(bytes), Text(bytes)))) { Words = Words("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----", "\n", "AAAA", "==") },
        new("roots-pem", [Bytes(Ca.Root.ExportCertificatePem())], static bytes => Takes<FormatException>(() => X509SvidPem.ReadRoots(Text(bytes)))) { Words = Words("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----", "\n", "AAAA") },
        new("ca-answer", [IdentityAnswer.Write(new WorkloadIdentity(Id, AnswerLeaf(), [], Ca.Bundles)).ToByteArray()], Answer),
        new("workload-api", [AgentAnswer()], Agent),
        new("bootstrap", [Bytes(Bootstrap)], static bytes => Takes<FormatException>(() => XdsBootstrapReader.Parse(Text(bytes), "fuzz"))) { Words = Words("{}", "[]", "null", "\"xds_servers\":", "\"server_uri\":", "\"channel_creds\":", "\"type\":\"tls\"", "\"node\":", "\"certificate_providers\":", "\"plugin_name\":", "\"refresh_interval\":\"-1s\"", "\"\\ud800\"", "[[[[[[") },
    ];

    private const string Bootstrap = """
        {"xds_servers":[{"server_uri":"xds.example:15010","channel_creds":[{"type":"tls","config":{"ca_certificate_file":"/c","certificate_file":"/d","private_key_file":"/e","refresh_interval":"60s"}},{"type":"insecure"}],"server_features":["xds_v3","ignore_resource_deletion"]}],
        "node":{"id":"n","cluster":"c","metadata":{"a":{"b":[1,null,true]}},"locality":{"region":"r","zone":"z","sub_zone":"s"}},
        "certificate_providers":{"default":{"plugin_name":"file_watcher","config":{"certificate_file":"/d","private_key_file":"/e","ca_certificate_file":"/c","refresh_interval":"600s"}}},
        "server_listener_resource_name_template":"grpc/server?xds.resource.listening_address=%s","client_default_listener_resource_name_template":"%s"}
        """;

    private static bool Token(byte[] bytes)
    {
        var fault = JwtSvidValidator.Check(Text(bytes), static _ => Bundle, ["catalog"], TimeProvider.System.GetUtcNow(), out var svid);
        Must(fault is null == svid is not null, "A refused token gives an SVID, or a good one gives none.");
        Must(svid is null || (svid.Id == Id && svid.Audience.Contains("catalog")), "A token that was changed is taken.");
        return svid is not null;
    }

    private static bool Answer(byte[] bytes)
    {
        if (!TryParse(IssueIdentityResponse.Parser, bytes, out var answer))
        {
            return false;
        }

        return Takes<IdentityException>(() =>
        {
            var identity = IdentityAnswer.Read(answer, AnswerKey, TimeProvider.System.GetUtcNow(), IdentityError.BadAnswer);
            Must(identity.Leaf.HasPrivateKey && X509SvidValidator.Check(identity.Leaf, out var id) is null && id == identity.Id, "An answer became an identity that its certificate does not prove.");
        });
    }

    private static bool Agent(byte[] bytes)
    {
        if (!TryParse(X509SVIDResponse.Parser, bytes, out var answer))
        {
            return false;
        }

        return Takes<IdentityException>(() =>
        {
            var identity = WorkloadApiAnswer.Read(answer, "", TimeProvider.System.GetUtcNow());
            Must(identity.Leaf.HasPrivateKey && X509SvidValidator.Check(identity.Leaf, out var id) is null && id == identity.Id, "An agent's answer became an identity that its certificate does not prove.");
        });
    }

    /// <summary>As gRPC does before our code sees a message.</summary>
    internal static bool TryParse<TMessage>(MessageParser<TMessage> parser, byte[] bytes, out TMessage message)
        where TMessage : IMessage<TMessage>, new()
    {
        try
        {
            message = parser.ParseFrom(bytes);
            return true;
        }
        catch (InvalidProtocolBufferException)
        {
            message = new TMessage();
            return false;
        }
    }

    private static byte[] Map() => [.. Bytes("{\"trust_domains\":{\"mesh.local\":"), .. SpiffeBundleWriter.Write(Bundle), .. Bytes(",\"other.example\":"), .. SpiffeBundleWriter.Write(Bundle), .. Bytes("}}")];

    private static string Jwt(string header)
    {
        var content = $"{Base64Url.EncodeToString(Bytes(header))}.{Base64Url.EncodeToString(Bytes($$"""{"sub":"{{Id}}","aud":["catalog"],"exp":4102444800,"iat":1700000000}"""))}";
        return $"{content}.{Base64Url.EncodeToString(TokenKey.SignData(Bytes(content), HashAlgorithmName.SHA256))}";
    }

    private static X509Certificate2 AnswerLeaf() => Ca.Sign(new TestLeaf { Uris = [Id.ToString()], Lifetime = TimeSpan.FromDays(20) }, new PublicKey(AnswerKey)).CopyWithPrivateKey(AnswerKey);

    private static string Pem()
    {
        using var leaf = Ca.Leaf(new TestLeaf { Uris = [Id.ToString()] });
        using var key = leaf.GetECDsaPrivateKey()!;
        return leaf.ExportCertificatePem() + "\n" + key.ExportPkcs8PrivateKeyPem() + "\n";
    }

    private static byte[] AgentAnswer()
    {
        using var leaf = Ca.Leaf(new TestLeaf { Uris = [Id.ToString()], Lifetime = TimeSpan.FromDays(20) });
        using var key = leaf.GetECDsaPrivateKey()!;
        return new X509SVIDResponse
        {
            Svids = { new X509SVID { SpiffeId = Id.ToString(), X509Svid = ByteString.CopyFrom(leaf.RawData), X509SvidKey = ByteString.CopyFrom(key.ExportPkcs8PrivateKey()), Bundle = ByteString.CopyFrom(Ca.Root.RawData) } },
            FederatedBundles = { ["spiffe://other.example"] = ByteString.CopyFrom(TestCa.Create("other.example").Root.RawData) },
        }.ToByteArray();
    }
}
