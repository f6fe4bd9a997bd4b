namespace ProxylessMesh.EndToEnd.Tests;

/// <summary>A folder for the files of one test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mesh-files-");

    public string Path => _folder.FullName;

    /// <summary>Writes a file and says where it is.</summary>
    public string Write(string name, string text)
    {
        var path = System.IO.Path.Combine(_folder.FullName, name);
        File.WriteAllText(path, text);
        return path;
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
