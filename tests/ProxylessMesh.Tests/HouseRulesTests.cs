using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace ProxylessMesh.Tests;

/// <summary>The rules of the house that a machine can see, for every project under src.</summary>
public sealed partial class HouseRulesTests
{
    private const int MaxLines = 400;

    // Arrows point down only: a project may use itself and the ones it lists, nothing else.
    private static readonly Dictionary<string, string[]> Projects = new()
    {
        ["ProxylessMesh.Protos"] = [],
        ["ProxylessMesh.Spiffe"] = ["ProxylessMesh.Protos"],
        ["ProxylessMesh.Xds"] = ["ProxylessMesh.Protos"],
        ["ProxylessMesh.Client"] = ["ProxylessMesh.Spiffe", "ProxylessMesh.Xds"],
        ["ProxylessMesh"] = ["ProxylessMesh.Client"],
        ["ProxylessMesh.Yarp"] = ["ProxylessMesh"],
        ["ProxylessMesh.Manifests"] = [],
        ["ProxylessMesh.ControlPlane"] = ["ProxylessMesh.Manifests", "ProxylessMesh.Spiffe", "ProxylessMesh.Protos"],
        ["ProxylessMesh.Tool"] = ["ProxylessMesh.ControlPlane", "ProxylessMesh.Client", "ProxylessMesh.Xds", "ProxylessMesh"],
    };

    // The same between the folders of this package: a folder may use itself and the folders it lists.
    private static readonly Dictionary<string, string[]> Folders = new()
    {
        ["Telemetry"] = [],
        ["Authentication"] = [],
        ["Rbac"] = ["Authentication"],
        ["Jwt"] = ["Authentication"],
        ["External"] = ["Rbac", "Authentication"],
        ["Admission"] = ["Authentication"],
        ["Load"] = [],
        ["Snapshots"] = ["Rbac", "Jwt", "External", "Admission"],
        ["Summaries"] = ["Snapshots", "Rbac", "Authentication"],
        ["Authorization"] = ["Summaries", "Snapshots", "Rbac", "Jwt", "External", "Authentication", "Telemetry"],
        ["Limits"] = ["Authorization", "Snapshots", "Admission", "Load", "Authentication", "Telemetry"],
        ["Listening"] = ["Snapshots", "Authentication", "Telemetry"],
    };

    private static readonly string[] EmptyWords = ["Manager", "Helper", "Helpers", "Util", "Utils", "Utilities", "Common", "Impl", "Processor", "Wrapper", "Info"];

    private static string Source { get; } = Path.GetFullPath(Path.Combine(Here(), "..", "..", "src"));

    public static TheoryData<string> ProjectNames => [.. Projects.Keys];

    public static TheoryData<string> FolderNames => [.. Folders.Keys];

    [Fact]
    public void Every_project_and_folder_has_its_place_in_the_rules()
    {
        Assert.Empty(Directory.EnumerateDirectories(Source).Select(Path.GetFileName).Except(Projects.Keys));
        Assert.Empty(Directory.EnumerateDirectories(Path.Combine(Source, "ProxylessMesh")).Select(Path.GetFileName).Except([.. Folders.Keys, "bin", "obj"]));
    }

    [Theory]
    [MemberData(nameof(ProjectNames))]
    public void Project_references_only_the_projects_below_it(string project)
    {
        var references = XDocument.Load(Path.Combine(Source, project, project + ".csproj"))
            .Descendants("ProjectReference")
            .Select(static reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value));

        Assert.Empty(references.Except(Projects[project]));
    }

    [Theory]
    [MemberData(nameof(FolderNames))]
    public void Folder_uses_only_the_folders_below_it(string folder)
    {
        var used = Files(Path.Combine("ProxylessMesh", folder)).SelectMany(File.ReadLines)
            .Select(static line => UsingOfOurs().Match(line))
            .Where(static match => match.Success)
            .Select(static match => match.Groups[1].Value)
            .Distinct();

        Assert.Empty(used.Intersect(Folders.Keys).Except([.. Folders[folder], folder]));
    }

    [Theory]
    [MemberData(nameof(ProjectNames))]
    public void No_file_is_longer_than_the_house_allows(string project)
        => Assert.DoesNotContain(Files(project), static file => File.ReadLines(file).Count() > MaxLines);

    [Theory]
    [MemberData(nameof(ProjectNames))]
    public void No_file_has_a_name_that_says_nothing(string project)
        => Assert.DoesNotContain(Files(project), static file => EmptyWords.Any(word => Path.GetFileNameWithoutExtension(file).EndsWith(word, StringComparison.Ordinal)));

    private static IEnumerable<string> Files(string folder)
        => Directory.EnumerateFiles(Path.Combine(Source, folder), "*.cs", SearchOption.AllDirectories)
            .Where(static file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal));

    private static string Here([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;

    [GeneratedRegex(@"^using (?:static )?ProxylessMesh\.(\w+)[;.]")]
    private static partial Regex UsingOfOurs();
}
