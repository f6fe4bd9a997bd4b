namespace ProxylessMesh.ControlPlane.Store;

/// <summary>
/// Writes files so that a crash at any moment leaves either the old content or the new, never a part: temporary file in the same
/// folder, flushed to the disk, then renamed over the old one.
/// </summary>
internal static class AtomicFile
{
    /// <summary>Files that end so are leftovers of a crash.</summary>
    public const string TemporarySuffix = ".tmp~";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Writes a file that only this user may read.</summary>
    public static void WriteSecret(string path, ReadOnlySpan<byte> content) => Write(path, content, OwnerOnly);

    /// <summary>Writes a file that others may read, as far as the folder lets them.</summary>
    public static void Write(string path, ReadOnlySpan<byte> content) => Write(path, content, OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.OtherRead);

    private static void Write(string path, ReadOnlySpan<byte> content, UnixFileMode mode)
    {
        var temporary = $"{path}.{Guid.NewGuid():N}{TemporarySuffix}";
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = mode;
        }

        try
        {
            using (var file = new FileStream(temporary, options))
            {
                file.Write(content);
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
