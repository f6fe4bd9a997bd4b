using Microsoft.Extensions.Hosting;
using ProxylessMesh.ControlPlane.Xds;

namespace ProxylessMesh.ControlPlane.Store;

/// <summary>
/// Tells the store when the manifest folder changed: 50 ms after the last change of a burst, 500 ms after its first at the latest. What
/// the operating system does not tell (network drives, lost events) is found by looking every few seconds.
/// </summary>
internal sealed class ManifestWatcher(ManifestStore store, TimeProvider time) : BackgroundService
{
    internal static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(50);
    internal static readonly TimeSpan AtMost = TimeSpan.FromMilliseconds(500);
    internal static readonly TimeSpan Rescan = TimeSpan.FromSeconds(5);

    private readonly WakeSignal _signal = new();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        FileSystemWatcher? watcher = null;
        try
        {
            while (!stoppingToken.IsCancellationRequested)
            {
                watcher ??= TryWatch();
                await WaitAsync(Rescan, stoppingToken);
                if (_signal.Waiting.IsCompleted)
                {
                    await SettleAsync(stoppingToken);
                }

                if (!Directory.Exists(store.Folder))
                {
                    watcher?.Dispose();
                    watcher = null;
                }

                await store.RefreshAsync(stoppingToken);
            }
        }
        finally
        {
            watcher?.Dispose();
        }
    }

    private async Task SettleAsync(CancellationToken stoppingToken)
    {
        var started = time.GetTimestamp();
        do
        {
            _signal.Reset();
            await WaitAsync(Quiet, stoppingToken);
        }
        while (_signal.Waiting.IsCompleted && time.GetElapsedTime(started) < AtMost);
        _signal.Reset();
    }

    private async Task WaitAsync(TimeSpan limit, CancellationToken stoppingToken)
        => await _signal.Waiting.WaitAsync(limit, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private FileSystemWatcher? TryWatch()
    {
        try
        {
            var watcher = new FileSystemWatcher(store.Folder) { IncludeSubdirectories = true, NotifyFilter = NotifyFilters.FileName | NotifyFilters.DirectoryName | NotifyFilters.LastWrite | NotifyFilters.Size };
            watcher.Changed += (_, _) => _signal.Wake();
            watcher.Created += (_, _) => _signal.Wake();
            watcher.Deleted += (_, _) => _signal.Wake();
            watcher.Renamed += (_, _) => _signal.Wake();
            watcher.Error += (_, _) => _signal.Wake();
            watcher.EnableRaisingEvents = true;
            return watcher;
        }
        catch (Exception exception) when (exception is IOException or ArgumentException or UnauthorizedAccessException)
        {
            // The folder is away, or the system is out of watches: looking every few seconds goes on.
            return null;
        }
    }
}
