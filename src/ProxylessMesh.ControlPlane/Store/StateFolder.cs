using Microsoft.Extensions.Options;

namespace ProxylessMesh.ControlPlane.Store;

/// <summary>
/// The folder of what survives a restart, for this user alone and for one control plane at a time. The lock is the operating system's:
/// it goes with the process, however that ends.
/// </summary>
internal sealed class StateFolder : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly FileStream _lock;

    public StateFolder(IOptions<MeshControlPlaneOptions> options)
    {
        Folder = Path.GetFullPath(options.Value.StateFolder);
        try
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(Folder);
            }
            else
            {
                Directory.CreateDirectory(Folder, OwnerOnly);
            }

            _lock = new FileStream(PathOf("lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            RemoveLeftovers();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw exception is IOException && File.Exists(PathOf("lock"))
                ? new MeshControlPlaneException($"The state folder '{Folder}' is in use by another control plane. Stop that one, or choose another folder with MeshControlPlane:StateFolder (mesh up --state).", exception)
                : new MeshControlPlaneException($"The state folder '{Folder}' cannot be used: {exception.Message} Make it readable and writable for user '{Environment.UserName}', or choose another with MeshControlPlane:StateFolder (mesh up --state).", exception);
        }
    }

    public string Folder { get; }

    public string PathOf(string name) => Path.Combine(Folder, name);

    public void Dispose() => _lock.Dispose();

    private void RemoveLeftovers()
    {
        foreach (var leftover in Directory.EnumerateFiles(Folder, "*" + AtomicFile.TemporarySuffix, SearchOption.AllDirectories).ToList())
        {
            File.Delete(leftover);
        }
    }
}
