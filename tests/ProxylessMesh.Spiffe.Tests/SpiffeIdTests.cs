namespace ProxylessMesh.Spiffe.Tests;

public sealed class SpiffeIdTests
{
    [Theory]
    [InlineData("spiffe://mesh.local")]
    [InlineData("spiffe://mesh.local/ns/shop/sa/catalog")]
    [InlineData("spiffe://a_b-c.9/Path.With-All_0")]
    [InlineData("spiffe://td/...")]
    [InlineData("spiffe://td/..a")]
    public void Id_by_the_grammar_is_read_and_written_unchanged(string text)
        => Assert.Equal(text, SpiffeId.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("spiffe:")]
    [InlineData("spiffe://")]
    [InlineData("spiffe:///path")]
    [InlineData("SPIFFE://td/path")]
    [InlineData("http://td/path")]
    [InlineData("spiffe://td/")]
    [InlineData("spiffe://td/path/")]
    [InlineData("spiffe://td//path")]
    [InlineData("spiffe://td/./path")]
    [InlineData("spiffe://td/a/../b")]
    [InlineData("spiffe://td/a/..")]
    [InlineData("spiffe://Td/path")]
    [InlineData("spiffe://td:80/path")]
    [InlineData("spiffe://user@td/path")]
    [InlineData("spiffe://td/path?query")]
    [InlineData("spiffe://td/path#fragment")]
    [InlineData("spiffe://td/p%61th")]
    [InlineData("spiffe://td/päth")]
    [InlineData("spiffe://tд/path")]
    [InlineData("spiffe://td/path\0")]
    [InlineData(" spiffe://td/path")]
    [InlineData("spiffe://td/path\n")]
    public void Text_outside_the_grammar_is_no_id(string text) => Assert.False(SpiffeId.TryParse(text, out _));

    [Fact]
    public void Every_character_that_the_grammar_does_not_name_is_refused()
    {
        for (var c = '\0'; c < 0x250; c++)
        {
            var inPath = char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_';
            var inDomain = inPath && !char.IsAsciiLetterUpper(c);

            Assert.True(inPath == SpiffeId.TryParse($"spiffe://td/a{c}b", out _) || c == '/', $"path, U+{(int)c:X4}");
            Assert.True(inDomain == SpiffeId.TryParse($"spiffe://t{c}d/path", out _) || c == '/', $"trust domain, U+{(int)c:X4}");
        }
    }

    [Fact]
    public void Id_may_have_2048_characters_and_no_more()
    {
        var longest = "spiffe://td/".PadRight(2048, 'a');

        Assert.True(SpiffeId.TryParse(longest, out _));
        Assert.False(SpiffeId.TryParse(longest + "a", out _));
    }

    [Fact]
    public void Trust_domain_may_have_255_characters_and_no_more()
    {
        Assert.True(TrustDomain.TryParse(new string('a', 255), out _));
        Assert.False(TrustDomain.TryParse(new string('a', 256), out _));
    }

    [Theory]
    [InlineData("sh/op", "catalog")]
    [InlineData("..", "catalog")]
    [InlineData("shop", "")]
    public void Names_that_would_change_the_path_make_no_id(string namespaceName, string serviceAccount)
        => Assert.Throws<FormatException>(() => SpiffeId.ForServiceAccount(TrustDomain.Parse("td"), namespaceName, serviceAccount));

    [Fact]
    public void Ids_differ_by_case_of_the_path()
        => Assert.NotEqual(SpiffeId.Parse("spiffe://td/a"), SpiffeId.Parse("spiffe://td/A"));
}
