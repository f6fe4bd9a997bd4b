using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace ProxylessMesh.Tests;

/// <summary>The README's table of features names the tests that show each row: they must exist, and no row may be without.</summary>
public sealed partial class FeatureTableTests
{
    private static readonly string Root = Path.GetFullPath(Path.Combine(Here(), "..", ".."));

    [Fact]
    public void Every_row_names_tests_that_exist()
    {
        var known = Directory.EnumerateFiles(Path.Combine(Root, "tests"), "*Tests.cs", SearchOption.AllDirectories).Select(Path.GetFileNameWithoutExtension).ToHashSet();
        var rows = Table().Match(File.ReadAllText(Path.Combine(Root, "README.md"))).Groups[1].Value.Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.True(rows.Length > 30, $"The table has {rows.Length} rows.");
        foreach (var row in rows)
        {
            var tests = TestName().Matches(row.Split('|')[^2]).Select(match => match.Groups[1].Value).ToList();
            Assert.True(tests.Count > 0, $"No test is named: {row}");
            Assert.All(tests, test => Assert.True(known.Contains(test), $"There is no {test}: {row}"));
        }
    }

    private static string Here([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;

    [GeneratedRegex(@"\| feature \|.*\n\|--\|--\|--\|\n((?:\|.*\n)+)")]
    private static partial Regex Table();

    [GeneratedRegex("`([A-Za-z]+Tests)`")]
    private static partial Regex TestName();
}
