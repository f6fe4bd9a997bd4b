using System.CommandLine;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.Manifests;

namespace ProxylessMesh.Tool.Commands;

/// <summary>The files that a command works on.</summary>
internal static class ManifestFiles
{
    public static Option<string[]> Option() => new("--file", "-f") { Description = "A manifest file, a folder of them, or - for standard input. May be given more than once.", Required = true, AllowMultipleArgumentsPerToken = true };

    /// <summary>What a file is called at the control plane: a path on this machine means nothing there, names inside a folder do.</summary>
    public static string NameThere(string name) => File.Exists(name) ? Path.GetFileName(name) : name;

    /// <summary>Reads files and folders; names are those that messages show.</summary>
    public static async Task<IReadOnlyList<ManifestFile>> ReadAsync(IEnumerable<string> paths, CancellationToken cancellationToken)
    {
        var files = new List<ManifestFile>();
        foreach (var path in paths)
        {
            if (path == "-")
            {
                files.Add(new ManifestFile("stdin.yaml", await Console.In.ReadToEndAsync(cancellationToken)));
            }
            else if (Directory.Exists(path))
            {
                files.AddRange(new ManifestFolder(path).Read());
            }
            else if (File.Exists(path))
            {
                files.Add(new ManifestFile(path, await File.ReadAllTextAsync(path, cancellationToken)));
            }
            else
            {
                throw new UsageException($"'{path}' is no file and no folder.");
            }
        }

        return files;
    }
}
