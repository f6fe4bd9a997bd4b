using System.Globalization;

namespace Shop.Chapters;

/// <summary>Edits the manifests as a person with an editor would; the control plane sees the files change.</summary>
internal sealed class ManifestFolder(string path)
{
    private const string CanaryFile = "catalog-canary.yaml";

    /// <summary>Writes the weights of both versions, and the name of this state of the file, which the route puts into a request header.</summary>
    public void SetCanary(string release, int v1, int v2)
    {
        var lines = File.ReadAllLines(Path.Combine(path, CanaryFile));
        SetAfter(lines, "name: catalog-v1", "weight:", v1.ToString(CultureInfo.InvariantCulture));
        SetAfter(lines, "name: catalog-v2", "weight:", v2.ToString(CultureInfo.InvariantCulture));
        SetAfter(lines, "name: x-shop-release", "value:", release);
        Write(CanaryFile, string.Join('\n', lines) + '\n');
    }

    /// <summary>Puts a file from <c>faults/</c> beside the manifests.</summary>
    public void Add(string file) => Write(file, File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "faults", file)));

    public void Remove(string file) => File.Delete(Path.Combine(path, file));

    private static void SetAfter(string[] lines, string mark, string key, string value)
    {
        var marked = Array.FindIndex(lines, line => line.Contains(mark, StringComparison.Ordinal));
        var found = Array.FindIndex(lines, marked + 1, line => line.TrimStart().StartsWith(key, StringComparison.Ordinal));
        lines[found] = lines[found][..lines[found].IndexOf(key, StringComparison.Ordinal)] + $"{key} {value}";
    }

    // Whole or not at all: a reader never sees half a file.
    private void Write(string file, string text)
    {
        var target = Path.Combine(path, file);
        var draft = target + ".draft";
        File.WriteAllText(draft, text);
        File.Move(draft, target, overwrite: true);
    }
}
