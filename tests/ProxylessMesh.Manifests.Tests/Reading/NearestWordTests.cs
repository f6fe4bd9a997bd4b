using ProxylessMesh.Manifests.Reading;

namespace ProxylessMesh.Manifests.Tests.Reading;

public sealed class NearestWordTests
{
    private static readonly string[] Known = ["Exact", "PathPrefix", "RegularExpression"];

    [Theory]
    [InlineData("exact", "Exact")]
    [InlineData("Prefix", null)]
    [InlineData("PathPrefx", "PathPrefix")]
    [InlineData("PahtPrefix", "PathPrefix")]
    [InlineData("RegularExpresion", "RegularExpression")]
    [InlineData("", null)]
    [InlineData("Zebra", null)]
    public void The_word_that_was_probably_meant_is_found(string written, string? expected) => Assert.Equal(expected, NearestWord.To(written, Known));

    [Fact]
    public void A_long_text_is_not_compared() => Assert.Null(NearestWord.To(new string('x', 100_000), Known));
}
