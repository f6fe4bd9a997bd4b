namespace Shop.Processes;

/// <summary>Everything one run of the show writes: a copy of the manifests, state, tokens and logs.</summary>
internal sealed class RunFolder
{
    private readonly bool _isTemporary;

    private RunFolder(string path, bool isTemporary)
    {
        Path = path;
        _isTemporary = isTemporary;
        foreach (var folder in new[] { Manifests, Logs, State, Tokens })
        {
            Directory.CreateDirectory(folder);
        }

        foreach (var manifest in Directory.EnumerateFiles(System.IO.Path.Combine(AppContext.BaseDirectory, "mesh"), "*.yaml"))
        {
            File.Copy(manifest, System.IO.Path.Combine(Manifests, System.IO.Path.GetFileName(manifest)), overwrite: true);
        }
    }

    public string Path { get; }

    /// <summary>What the control plane watches. The repository's own files are never edited.</summary>
    public string Manifests => System.IO.Path.Combine(Path, "mesh");

    public string Logs => System.IO.Path.Combine(Path, "logs");

    public string State => System.IO.Path.Combine(Path, "state");

    /// <summary>One file per service account, readable by this user only.</summary>
    public string Tokens => System.IO.Path.Combine(Path, "tokens");

    public static RunFolder Create(DirectoryInfo? wanted)
        => wanted is null
            ? new RunFolder(Directory.CreateTempSubdirectory("proxylessmesh-shop-").FullName, isTemporary: true)
            : new RunFolder(wanted.FullName, isTemporary: false);

    /// <summary>Removes it, unless the user asked for it.</summary>
    public void Delete()
    {
        if (_isTemporary)
        {
            Directory.Delete(Path, recursive: true);
        }
    }
}
