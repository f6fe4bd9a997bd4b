using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Client;

namespace ProxylessMesh.Client.Tests;

/// <summary>An xDS client without a wire: the test says what is known of each name.</summary>
internal sealed class FakeXds : IXdsClient
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, XdsUpdate<XdsConfig>> _known = [];
    private readonly List<(string Name, XdsWatcher<XdsConfig> Watcher)> _watchers = [];

    public IReadOnlyList<string> Watched
    {
        get
        {
            lock (_lock)
            {
                return [.. _watchers.Select(static watch => watch.Name)];
            }
        }
    }

    /// <summary>Ends when a name is first asked for.</summary>
    public TaskCompletionSource<string> FirstWatch { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Publish(XdsConfig config) => Publish(config.Name, new XdsUpdate<XdsConfig>.Ready(config));

    public void Publish(string name, XdsUpdate<XdsConfig> update)
    {
        List<XdsWatcher<XdsConfig>> watchers;
        lock (_lock)
        {
            _known[name] = update;
            watchers = [.. _watchers.Where(watch => watch.Name == name).Select(static watch => watch.Watcher)];
        }

        watchers.ForEach(watcher => watcher(update));
    }

    public IDisposable WatchTarget(string listenerName, XdsWatcher<XdsConfig> watcher)
    {
        XdsUpdate<XdsConfig>? known;
        lock (_lock)
        {
            _watchers.Add((listenerName, watcher));
            _known.TryGetValue(listenerName, out known);
        }

        FirstWatch.TrySetResult(listenerName);
        if (known is not null)
        {
            watcher(known);
        }

        return new Watch(() =>
        {
            lock (_lock)
            {
                _watchers.Remove((listenerName, watcher));
            }
        });
    }

    public IDisposable WatchInbound(string listenerName, XdsWatcher<InboundConfig> watcher) => throw new NotSupportedException();

    private sealed class Watch(Action dispose) : IDisposable
    {
        public void Dispose() => dispose();
    }
}
