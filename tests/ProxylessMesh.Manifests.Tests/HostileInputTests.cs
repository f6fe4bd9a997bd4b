using System.Diagnostics;
using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace ProxylessMesh.Manifests.Tests;

/// <summary>Whatever a file contains, reading it ends soon, throws nothing, and every mistake has its three parts.</summary>
public sealed class HostileInputTests
{
    private const int Rounds = 1500;

    // The same texts in every run; another seed tries others.
    private static readonly Config Chosen = Config.QuickThrowOnFailure.WithReplay(20251122, 4711);

    private static readonly string[] Seeds = ReadSeeds();

    private static readonly string[] Fragments =
    [
        "\n", "  ", "- ", ": ", "? ", "{", "}", "[", "]", "\"", "'", "|", ">", "&a ", "*a", "!x ", "%YAML 1.2\n", "---\n", "...\n", "#", "\t", "\r\n", "\0", "\u0085", "\ud83d", "\\x", "null", "1e999",
        "99999999999999999999999", "<<: ", "spec:", "rules:", "\"\\ud800\"", ",", "@", "`",
    ];

    [Fact]
    public void Random_texts_never_throw()
    {
        var gen = Gen.Elements(Fragments).ListOf().Select(string.Concat);
        Check.One(Chosen.WithMaxTest(Rounds).WithEndSize(200), Prop.ForAll(gen.ToArbitrary(), text => Survives(text)));
    }

    [Fact]
    public void Random_bytes_never_throw()
        => Check.One(
            Chosen.WithMaxTest(Rounds).WithEndSize(400),
            Prop.ForAll(Gen.Choose(0, 255).Select(value => (byte)value).ArrayOf().ToArbitrary(), bytes => Survives(Encoding.Latin1.GetString(bytes))));

    [Fact]
    public void Mutations_of_valid_manifests_never_throw()
    {
        var gen =
            from seed in Gen.Elements(Seeds)
            from start in Gen.Choose(0, seed.Length - 1)
            from length in Gen.Choose(0, 40)
            from insert in Gen.Elements(Fragments)
            select seed[..start] + insert + seed[Math.Min(seed.Length, start + length)..];
        Check.One(Chosen.WithMaxTest(Rounds), Prop.ForAll(gen.ToArbitrary(), text => Survives(text)));
    }

    [Fact]
    public void Every_line_of_valid_manifests_may_be_missing() => Assert.All(Seeds, seed =>
    {
        var lines = seed.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            Survives(string.Join('\n', lines.Where((_, index) => index != i)));
        }
    });

    [Fact]
    public void Every_value_may_be_of_another_type() => Assert.All(Seeds, seed =>
    {
        var lines = seed.Split('\n');
        foreach (var wrong in (string[])["", " 7", " text", " []", " {}", " [[]]", " [{}]", " true", " {a: {}}", " [1, a, null]"])
        {
            for (var i = 0; i < lines.Length; i++)
            {
                var colon = lines[i].IndexOf(": ", StringComparison.Ordinal);
                if (colon > 0)
                {
                    var changed = lines.ToArray();
                    changed[i] = lines[i][..(colon + 1)] + wrong;
                    Survives(string.Join('\n', changed));
                }
            }
        }
    });

    private static void Survives(string text)
    {
        var clock = Stopwatch.StartNew();
        var reading = ManifestReader.Read(text, "hostile.yaml");
        var lines = text.Split('\n').Length;

        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), "reading took too long");
        Assert.All(reading.Errors.Concat(reading.Warnings), finding =>
        {
            Assert.InRange(finding.Line, 1, (2 * lines) + 2);
            Assert.True(finding.Column >= 1);
            Assert.NotEmpty(finding.Problem);
            Assert.NotEmpty(finding.Cure);
            Assert.DoesNotMatch(@"\.$|[\r\n\u001b]", finding.Problem);
            Assert.DoesNotMatch(@"\.$|[\r\n\u001b]", finding.Cure);
            Assert.True(finding.ToString().Length < 1500, finding.ToString());
        });
    }

    private static string[] ReadSeeds()
    {
        var readme = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Manifests.README.md"));
        var start = readme.IndexOf("```yaml\n", StringComparison.Ordinal) + "```yaml\n".Length;
        return readme[start..readme.IndexOf("```", start, StringComparison.Ordinal)].Split("\n---\n");
    }
}
