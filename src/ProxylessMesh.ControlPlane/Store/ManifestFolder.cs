using System.Collections.Immutable;
using System.Text;
using ProxylessMesh.Manifests;

namespace ProxylessMesh.ControlPlane.Store;

/// <summary>The folder that people write manifests into.</summary>
internal sealed class ManifestFolder
{
    private const int MaxFiles = 10_000;
    private const int MaxFileBytes = 4 * 1024 * 1024;

    private static readonly EnumerationOptions AllFiles = new() { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.Hidden, MaxRecursionDepth = 8 };

    public ManifestFolder(string path)
    {
        FullPath = Path.GetFullPath(path);
        if (!Directory.Exists(FullPath))
        {
            throw new MeshControlPlaneException($"The manifest folder '{FullPath}' does not exist. Make it (it may be empty), or choose another with MeshControlPlane:ManifestFolder (mesh up --manifests).");
        }
    }

    public string FullPath { get; }

    public static bool IsManifest(string path) => path.EndsWith(".yaml", StringComparison.OrdinalIgnoreCase) || path.EndsWith(".yml", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether a name may be a file of this folder: parts of letters, digits, '.', '_' and '-', none beginning with a dot.</summary>
    public static bool IsFileName(string name)
        => name.Length is > 0 and <= 200 && IsManifest(name)
            && name.Split('/').All(static part => part.Length > 0 && part[0] != '.' && part.All(static c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-'));

    /// <summary>Reads every manifest file, by name.</summary>
    /// <exception cref="IOException">The folder or a file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder or a file cannot be read.</exception>
    public ImmutableArray<ManifestFile> Read()
    {
        var paths = Directory.EnumerateFiles(FullPath, "*", AllFiles).Where(IsManifest).Order(StringComparer.Ordinal).ToList();
        if (paths.Count > MaxFiles)
        {
            throw new IOException($"'{FullPath}' has {paths.Count} manifest files; at most {MaxFiles} are read.");
        }

        var files = ImmutableArray.CreateBuilder<ManifestFile>(paths.Count);
        foreach (var path in paths)
        {
            if (new FileInfo(path) is { Exists: true, Length: > MaxFileBytes } large)
            {
                throw new IOException($"'{path}' has {large.Length} bytes; at most {MaxFileBytes} are read.");
            }

            try
            {
                files.Add(new ManifestFile(Path.GetRelativePath(FullPath, path).Replace('\\', '/'), File.ReadAllText(path)));
            }
            catch (FileNotFoundException)
            {
                // Deleted between listing and reading: it is not there.
                continue;
            }
        }

        return files.ToImmutable();
    }

    public void Write(string name, string text)
    {
        var path = PathOf(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        AtomicFile.Write(path, Encoding.UTF8.GetBytes(text));
    }

    public bool Delete(string name)
    {
        var path = PathOf(name);
        var exists = File.Exists(path);
        File.Delete(path);
        return exists;
    }

    private string PathOf(string name)
        => IsFileName(name) ? Path.Combine(FullPath, name) : throw new ArgumentException($"'{name}' is not a name of a manifest file. Use letters, digits, '.', '_' and '-', ending in .yaml.", nameof(name));
}
