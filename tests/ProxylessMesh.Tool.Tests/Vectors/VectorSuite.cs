using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using ProxylessMesh.Tool.Checks;

namespace ProxylessMesh.Tool.Tests.Vectors;

/// <summary>
/// The cases of one public test suite, read from the folder that MESH_VECTORS names or, without it, from <c>shared/vectors</c> beside the
/// repository. They are not part of the repository: where they are missing, the test is skipped.
/// </summary>
internal sealed class VectorSuite(string name, JsonElement document, JsonElement[] cases)
{
    // Of 100 cases, this many may be on the list of differences.
    private const int MaxDifferencePercent = 2;

    public static VectorSuite Load(string name)
    {
        var folder = Environment.GetEnvironmentVariable("MESH_VECTORS") is { Length: > 0 } named ? named : Path.GetFullPath(Path.Combine(Here(), "..", "..", "..", "..", "shared", "vectors"));
        var file = Path.Combine(folder, name + ".json");
        Assert.SkipUnless(File.Exists(file), $"There is no '{file}'. Set MESH_VECTORS to the folder of the test vectors.");
        using var suite = JsonDocument.Parse(File.ReadAllText(file));
        return new VectorSuite(name, suite.RootElement.Clone(), [.. suite.RootElement.GetProperty("cases").EnumerateArray().Select(static testCase => testCase.Clone())]);
    }

    public VectorSuite Where(Func<JsonElement, bool> isBinding) => new(name, document, [.. cases.Where(isBinding)]);

    /// <summary>The whole file.</summary>
    public JsonElement Document => document;

    public IReadOnlyList<JsonElement> Cases => cases;

    /// <summary>Runs all cases as <c>mesh check KIND --batch</c> does and compares each answer.</summary>
    /// <param name="kind">The kind of check.</param>
    /// <param name="isRight">Whether an answer (second) is what the case (first) expects.</param>
    public async Task CheckAsync(string kind, Func<JsonElement, JsonNode, bool> isRight)
    {
        using var input = new StringReader(string.Join('\n', cases.Select(static testCase => testCase.GetRawText().ReplaceLineEndings(" "))));
        await using var output = new StringWriter();
        await CheckBatch.RunAsync(CheckKinds.Find(kind), input, output, TestContext.Current.CancellationToken);
        var answers = output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries).Select(static line => JsonNode.Parse(line)!).ToArray();
        Assert.Equal(cases.Length, answers.Length);

        Compare([.. cases.Zip(answers)
            .Where(pair => !isRight(pair.First, pair.Second))
            .Select(static pair => (pair.First.GetProperty("id").GetString()!, $"expected {pair.First.GetProperty("expect").GetRawText()}, the answer is {pair.Second.ToJsonString()}"))]);
    }

    /// <summary>Fails with every case that is wrong and not on the list of differences.</summary>
    public void Compare(IReadOnlyCollection<(string Id, string Problem)> wrong)
    {
        var differences = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "vectors-differences.txt"))
            .Where(static line => line.Length > 0 && line[0] != '#')
            .Select(static line => line.Split(" | "))
            .Where(line => line[0] == name)
            .ToDictionary(static line => line[1], static line => line[2]);

        var unexpected = wrong.Where(entry => !differences.ContainsKey(entry.Id)).Select(static entry => $"{entry.Id}: {entry.Problem}").ToList();
        Assert.True(unexpected.Count == 0, $"{unexpected.Count} cases of {name} are answered differently:\n{string.Join('\n', unexpected)}");
        Assert.Empty(differences.Keys.Except(wrong.Select(static entry => entry.Id)));
        Assert.True(differences.Count * 100 <= cases.Length * MaxDifferencePercent, $"{differences.Count} of {cases.Length} cases of {name} are answered differently.");
    }

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
