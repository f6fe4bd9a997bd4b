using System.Text;
using ProxylessMesh.Manifests.Reading;
using static ProxylessMesh.Manifests.Tests.ReadManifests;

namespace ProxylessMesh.Manifests.Tests.Reading;

public sealed class YamlDocumentsTests
{
    [Fact]
    public void Alias_is_refused_where_it_stands()
        => Invalid("a: &x 1\nb: *x\n").Is(2, 4, "", "'*x' is an alias", "Write the value out");

    [Fact]
    public void Aliases_of_aliases_are_never_expanded()
    {
        var bomb = new StringBuilder("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
        for (var i = 1; i < 30; i++)
        {
            _ = bomb.Append(FormattableString.Invariant($"a{i}: &a{i} [{string.Join(',', Enumerable.Repeat($"*a{i - 1}", 9))}]\n"));
        }

        Invalid(bomb.ToString()).Is(2, 10, "", "is an alias", "Write the value out");
    }

    [Fact]
    public void File_over_the_size_limit_is_refused_unread()
        => Invalid(new string('#', YamlDocuments.MaxBytes + 1)).Is(1, 1, "", "larger than 1024 KiB", "Split");

    [Fact]
    public void Size_is_counted_in_bytes()
        => Invalid("# " + new string('\u20ac', (YamlDocuments.MaxBytes / 3) + 1)).Is(1, 1, "", "larger than 1024 KiB", "Split");

    [Theory]
    [InlineData("[")]
    [InlineData("{a: ")]
    [InlineData("- ")]
    [InlineData("? ")]
    public void Depth_is_limited(string open)
    {
        var error = Invalid(string.Concat(Enumerable.Repeat(open, 100_000)));

        Assert.Contains($"deeper than {YamlDocuments.MaxDepth}", error.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Number_of_values_is_limited()
        => Invalid("[" + string.Concat(Enumerable.Repeat("a,", YamlDocuments.MaxNodes + 1)) + "]").Is(1, (2 * YamlDocuments.MaxNodes), "", "more than 100000 values", "Split");

    [Theory]
    [InlineData("!!python/object:os.system")]
    [InlineData("!secret")]
    public void Unknown_tag_is_refused(string tag)
        => Invalid($"a: {tag} [ls]\n").Is(1, 4, "", "the tag", "Remove it");

    [Fact]
    public void What_follows_a_nul_is_not_ignored_in_silence()
        => Invalid("a: b\nc: \0d\n").Is(2, 4, "", "NUL character", "Remove it");

    [Fact]
    public void Thousands_of_mistakes_do_not_become_thousands_of_messages()
    {
        var reading = Read(string.Concat(Enumerable.Repeat("--- {}\n", 20_000)));

        Assert.Equal(1001, reading.Errors.Length);
        Assert.Contains("more than 1000 mistakes", reading.Errors.Select(error => error.Problem).Single(problem => problem.Contains("mistakes", StringComparison.Ordinal)), StringComparison.Ordinal);
    }

    [Fact]
    public void Messages_do_not_carry_control_characters_to_the_terminal()
    {
        var error = Invalid(Document(ManifestKind.PeerAuthentication, "catalog", "mtls:\n  mode: \"\\e[31mSTRICT\""));

        Assert.Equal("\\u001b[31mSTRICT", error.Value);
        Assert.DoesNotContain('\u001b', error.ToString());
    }
}
