using System.Text.RegularExpressions;

namespace ProxylessMesh.Manifests.Tests;

public sealed partial class ReadmeTests
{
    private static readonly string Examples = YamlBlock().Match(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Manifests.README.md"))).Groups[1].Value;

    [Fact]
    public void Every_manifest_of_the_readme_is_valid()
    {
        var reading = ManifestReader.Read(Examples, "README.md");

        Assert.Empty(reading.Errors);
        Assert.Empty(reading.Warnings);
        Assert.Equal(ManifestKind.All, reading.Manifests.All.Select(manifest => manifest.Kind).DistinctBy(kind => kind.Name).OrderBy(kind => ManifestKind.All.ToList().IndexOf(kind)));
    }

    [Fact]
    public void Every_field_that_a_reader_knows_is_in_the_readme()
    {
        var asked = new Dictionary<string, bool>();

        foreach (var document in Examples.Split("\n---\n"))
        {
            var kind = KindLine().Match(document).Groups[1].Value;
            _ = ManifestReader.Read([new ManifestFile("README.md", document)], (path, written) =>
            {
                var field = $"{kind}: {ListIndex().Replace(path, "[]")}";
                asked[field] = written || asked.GetValueOrDefault(field);
            });
        }

        // Alternatives that exclude each other in one place, metadata and older forms that the text describes, filters of backends, which are
        // those of rules, and settings of ports and subsets, which are those of hosts.
        string[] elsewhere =
        [
            @"\.(exact|prefix|regex)$", @"metadata\.(namespace|labels|annotations)$", @"\.(request|response)HeaderModifier$", @"\.backendRefs\[\]\.filters\[\]\.",
            @"\.(subsets\[\]\.trafficPolicy|portLevelSettings\[\])\.", @"consistentHash\.(useSourceIp|httpQueryParameterName)$",
            @"\.(replaceFullPath|replacePrefixMatch)$", @"\.(hostnames|extensionRef|wellKnownCACertificates)$", @"subjectAltNames\[\]\.hostname$", @"sessionPersistence\.(cookie|header|sessionName|cookieConfig|absoluteTimeout)$",
        ];
        var missing = asked.Where(field => !field.Value && !elsewhere.Any(pattern => Regex.IsMatch(field.Key, pattern))).Select(field => field.Key);
        Assert.Equal("", string.Join('\n', missing));
    }

    [GeneratedRegex("```yaml\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex YamlBlock();

    [GeneratedRegex("^kind: (.*)$", RegexOptions.Multiline)]
    private static partial Regex KindLine();

    [GeneratedRegex(@"\[\d+\]")]
    private static partial Regex ListIndex();
}
