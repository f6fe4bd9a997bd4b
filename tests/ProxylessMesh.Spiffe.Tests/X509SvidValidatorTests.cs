using System.Security.Cryptography.X509Certificates;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.Spiffe.Tests;

public sealed class X509SvidValidatorTests
{
    private static readonly TestCa Ca = TestCa.Create();

    private static readonly TestLeaf Good = new() { Uris = ["spiffe://mesh.local/ns/shop/sa/catalog"], DnsNames = ["catalog.shop"] };

    [Fact]
    public void Svid_gives_its_id()
    {
        Assert.True(X509SvidValidator.TryReadId(Ca.Leaf(Good), out var id));
        Assert.Equal("spiffe://mesh.local/ns/shop/sa/catalog", id.ToString());
    }

    [Fact]
    public void No_uri_name_is_no_svid() => Breaks("0 URI names", Good with { Uris = [] });

    [Fact]
    public void No_name_at_all_is_no_svid() => Breaks("0 URI names", Good with { Uris = [], DnsNames = [] });

    [Fact]
    public void Two_uri_names_are_no_svid() => Breaks("2 URI names", Good with { Uris = ["spiffe://mesh.local/a", "spiffe://mesh.local/b"] });

    [Fact]
    public void Second_uri_that_is_no_spiffe_id_counts_too() => Breaks("2 URI names", Good with { Uris = ["spiffe://mesh.local/a", "https://example.org/"] });

    [Theory]
    [InlineData("https://mesh.local/ns/shop/sa/catalog")]
    [InlineData("spiffe://mesh.local/ns//sa/catalog")]
    [InlineData("spiffe://Mesh.Local/ns/shop/sa/catalog")]
    public void Uri_that_is_no_spiffe_id_is_no_svid(string uri) => Breaks("not a SPIFFE ID", Good with { Uris = [uri] });

    [Fact]
    public void Leaf_without_a_path_is_no_svid() => Breaks("no path", Good with { Uris = ["spiffe://mesh.local"] });

    [Fact]
    public void Ca_is_no_leaf() => Breaks("is a CA", Good with { IsAuthority = true });

    [Fact]
    public void Leaf_without_key_usage_is_no_svid() => Breaks("digitalSignature", Good with { KeyUsage = null });

    [Fact]
    public void Leaf_that_may_not_sign_is_no_svid() => Breaks("digitalSignature", Good with { KeyUsage = X509KeyUsageFlags.KeyEncipherment });

    [Theory]
    [InlineData(X509KeyUsageFlags.KeyCertSign)]
    [InlineData(X509KeyUsageFlags.CrlSign)]
    public void Leaf_that_may_certify_is_no_svid(X509KeyUsageFlags usage) => Breaks("keyCertSign", Good with { KeyUsage = X509KeyUsageFlags.DigitalSignature | usage });

    [Fact]
    public void Names_extension_of_random_bytes_is_no_svid_and_no_exception()
    {
        var random = new Random(7);
        for (var i = 0; i < 300; i++)
        {
            var bytes = new byte[random.Next(0, 40)];
            random.NextBytes(bytes);

            Assert.NotNull(X509SvidValidator.Check(Ca.Leaf(Good with { RawNames = bytes }), out var id));
            Assert.Null(id);
        }
    }

    [Fact]
    public void Huge_certificate_is_not_looked_at()
        => Breaks("16384 are the most", Good with { DnsNames = [.. Enumerable.Range(0, 2000).Select(i => $"name-{i}.example")] });

    private static void Breaks(string rule, TestLeaf leaf)
    {
        Assert.Contains(rule, X509SvidValidator.Check(Ca.Leaf(leaf), out var id));
        Assert.Null(id);
    }
}
