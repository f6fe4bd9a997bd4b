using System.Threading.Channels;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// Waits for a change in the folders of certificate files, or for the next look where none is reported. Watching is a help and no more:
/// where the system has no watch left, time alone decides.
/// </summary>
internal sealed class FileChanges : IDisposable
{
    private readonly TimeProvider _time;
    private readonly Channel<bool> _changed = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly List<FileSystemWatcher> _watchers = [];

    public FileChanges(CertificateFileSettings settings, TimeProvider time)
    {
        _time = time;
        IEnumerable<string> folders = settings.Folder.Length > 0
            ? [settings.Folder]
            : new[] { settings.CertificateFile, settings.KeyFile, settings.RootFile }.Select(static file => Path.GetDirectoryName(Path.GetFullPath(file))!).Distinct(StringComparer.Ordinal);
        foreach (var folder in folders)
        {
            TryWatch(folder);
        }
    }

    /// <summary>Returns after a change, or after <paramref name="longest"/>.</summary>
    public async Task WaitAsync(TimeSpan longest, CancellationToken stop)
    {
        using var limit = new CancellationTokenSource(longest, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stop);
        try
        {
            await _changed.Reader.ReadAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return;
        }
    }

    public void Dispose()
    {
        foreach (var watcher in _watchers)
        {
            watcher.Dispose();
        }
    }

    private void TryWatch(string folder)
    {
        FileSystemWatcher? watcher = null;
        try
        {
            // Also directories: Kubernetes renames a symbolic link to one.
            watcher = new FileSystemWatcher(folder)
            {
                NotifyFilter = NotifyFilters.FileName | NotifyFilters.DirectoryName | NotifyFilters.LastWrite | NotifyFilters.CreationTime,
            };
            watcher.Created += Note;
            watcher.Changed += Note;
            watcher.Renamed += Note;
            watcher.Deleted += Note;
            watcher.EnableRaisingEvents = true;
            _watchers.Add(watcher);
        }
        catch (Exception error) when (error is IOException or ArgumentException or UnauthorizedAccessException)
        {
            watcher?.Dispose();
        }
    }

    private void Note(object sender, FileSystemEventArgs change) => _changed.Writer.TryWrite(true);
}
