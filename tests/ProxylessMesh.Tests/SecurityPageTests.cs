using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace ProxylessMesh.Tests;

/// <summary>SECURITY.md names the tests that show each answer to a threat: they must exist, no row may be without, and the README leads there.</summary>
public sealed partial class SecurityPageTests
{
    private static readonly string Root = Path.GetFullPath(Path.Combine(Here(), "..", ".."));

    [Fact]
    public void Every_threat_names_tests_that_exist()
    {
        var known = Directory.EnumerateFiles(Path.Combine(Root, "tests"), "*Tests.cs", SearchOption.AllDirectories).Select(Path.GetFileNameWithoutExtension).ToHashSet();
        var rows = Table().Match(File.ReadAllText(Path.Combine(Root, "SECURITY.md"))).Groups[1].Value.Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.True(rows.Length > 12, $"The table has {rows.Length} rows.");
        foreach (var row in rows)
        {
            var tests = TestName().Matches(row.Split('|')[^2]).Select(static match => match.Groups[1].Value).ToList();
            Assert.True(tests.Count > 0, $"No test is named: {row}");
            Assert.All(tests, test => Assert.True(known.Contains(test), $"There is no {test}: {row}"));
        }
    }

    [Fact]
    public void README_leads_to_it() => Assert.Contains("](SECURITY.md)", File.ReadAllText(Path.Combine(Root, "README.md")), StringComparison.Ordinal);

    private static string Here([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;

    [GeneratedRegex(@"\| threat \|.*\n\|--\|--\|--\|\n((?:\|.*\n)+)")]
    private static partial Regex Table();

    [GeneratedRegex("`([A-Za-z0-9]+Tests)`")]
    private static partial Regex TestName();
}
