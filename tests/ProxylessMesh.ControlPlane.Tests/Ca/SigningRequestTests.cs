using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Tests.Ca;

public sealed class SigningRequestTests
{
    private static readonly SpiffeId Granted = SpiffeId.Parse("spiffe://mesh.local/ns/shop/sa/catalog");

    [Fact]
    public void Request_with_a_good_key_and_no_names_is_taken()
    {
        Assert.True(Read(Request(P256()))!.IsWithin(Granted));
        Assert.NotNull(Read(Request(ECDsa.Create(ECCurve.NamedCurves.nistP384))));
        Assert.NotNull(Read(Request(RSA.Create(2048))));
    }

    [Fact]
    public void Request_may_name_what_is_granted_and_nothing_else()
    {
        Assert.True(Read(Request(P256(), names => names.AddUri(new Uri(Granted.ToString()))))!.IsWithin(Granted));
        Assert.False(Read(Request(P256(), static names => names.AddUri(new Uri("spiffe://mesh.local/ns/shop/sa/admin"))))!.IsWithin(Granted));
        Assert.False(Read(Request(P256(), static names => names.AddDnsName("catalog.shop")))!.IsWithin(Granted));
        Assert.False(Read(Request(P256(), names =>
        {
            names.AddUri(new Uri(Granted.ToString()));
            names.AddUri(new Uri("spiffe://mesh.local/ns/shop/sa/admin"));
        }))!.IsWithin(Granted));
    }

    [Fact]
    public void Request_that_is_not_signed_by_its_own_key_is_refused()
    {
        // The key of one request in the other, everything else as it was.
        var mine = Request(P256());
        using var stolen = P256();
        var publicKey = stolen.ExportSubjectPublicKeyInfo();
        var at = mine.AsSpan().IndexOf(publicKey.AsSpan(0, 27));
        Assert.True(at > 0);
        publicKey.CopyTo(mine, at);

        Assert.Null(SigningRequest.TryRead(mine, out var fault));
        Assert.Contains("signed by its own key", fault);
    }

    [Fact]
    public void Weak_or_strange_keys_are_refused()
    {
        Refused("1024 bits", Request(RSA.Create(1024)));
        Refused("521 bits", Request(ECDsa.Create(ECCurve.NamedCurves.nistP521)));
    }

    [Fact]
    public void Bytes_that_are_no_request_are_an_answer_and_not_an_exception()
    {
        var good = Request(P256());
        var random = new Random(5);
        Refused("0 bytes", []);
        Refused("8192 are possible", new byte[SigningRequest.MaxBytes + 1]);
        Refused("", [.. good, 0]);
        for (var i = 0; i < good.Length; i++)
        {
            Refused("", good[..i]);
            var bad = (byte[])good.Clone();
            bad[i] ^= (byte)random.Next(1, 256);
            SigningRequest.TryRead(bad, out _);
        }
    }

    private static ECDsa P256() => ECDsa.Create(ECCurve.NamedCurves.nistP256);

    private static byte[] Request(AsymmetricAlgorithm key, Action<SubjectAlternativeNameBuilder>? name = null)
    {
        var request = key is ECDsa ec
            ? new CertificateRequest("CN=root, O=whatever it claims", ec, HashAlgorithmName.SHA256)
            : new CertificateRequest("CN=root", (RSA)key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        if (name is not null)
        {
            var names = new SubjectAlternativeNameBuilder();
            name(names);
            request.CertificateExtensions.Add(names.Build());
        }

        return request.CreateSigningRequest();
    }

    private static SigningRequest? Read(byte[] der) => SigningRequest.TryRead(der, out _);

    private static void Refused(string why, byte[] der)
    {
        Assert.Null(SigningRequest.TryRead(der, out var fault));
        Assert.Contains(why, fault);
    }
}
