using Microsoft.Extensions.Logging;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Xds.Client;

/// <summary>
/// The process's one xDS client: one ADS stream, one cache, complete configs for those who watch. All state is touched by one loop;
/// watchers are called on a second one, so that a slow application never keeps the stream from being read.
/// </summary>
internal sealed partial class XdsClient : IXdsClient, IAdsEvents, IAsyncDisposable
{
    private readonly XdsClientOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly EventLoop _loop;
    private readonly EventLoop _deliveries;
    private readonly ResourceCache _cache = new();
    private readonly NameCache _names;
    private readonly DnsEndpoints _dnsEndpoints = new();
    private readonly HashSet<Watch> _watches = [];
    private readonly Dictionary<string, (string Version, string? Nack)> _types = new(StringComparer.Ordinal);
    private readonly AdsConnection _connection;
    private XdsClientState _state;
    private int _changePending;
    private bool _disposed;

    public XdsClient(XdsClientOptions options, TimeProvider time, ILogger<XdsClient> logger)
    {
        _options = options;
        _time = time;
        _logger = logger;
        _state = new XdsClientState { Form = options.Form, Since = time.GetUtcNow() };
        _loop = new EventLoop(logger);
        _deliveries = new EventLoop(logger);
        _names = new NameCache(options.ResolveHost, time, _loop, entry => Evaluate(watch => watch.NeededNames.Contains(entry)));
        _connection = new AdsConnection(options, time, _loop, _cache, this, logger);
    }

    /// <summary>
    /// Raised after the accepted state or the set of subscriptions changed; several changes may be one call. Called as the
    /// watchers are: one at a time, off the stream.
    /// </summary>
    public event Action? Changed;

    /// <summary>The connection as it stands now. Any thread.</summary>
    public XdsClientState State => Volatile.Read(ref _state);

    /// <summary>
    /// Seeds the cache from a verified snapshot. Call before <see cref="Start"/>: the values are used until the server says
    /// something newer, and their versions are told to it. What does not decode is left out, and logged.
    /// </summary>
    public void Import(XdsCacheContent content)
    {
        foreach (var resource in content.Present)
        {
            var decoded = ResourceType.Find(resource.Key.TypeUrl)?.Decode(resource.Value, _options.CertificateProviders);
            if (decoded?.Config is { } config)
            {
                _loop.Post(() => _cache.Seed(resource, config));
            }
            else
            {
                LogNotImported(_logger, DecodeErrors.Printable(resource.Key.Name), decoded?.Error ?? "its type is not known");
            }
        }

        foreach (var key in content.Missing)
        {
            _loop.Post(() => _cache.SeedMissing(key));
        }
    }

    /// <summary>Begins to connect as soon as something is watched. Watches made earlier wait, or are answered from what was imported.</summary>
    public void Start() => _loop.Post(_connection.Start);

    /// <summary>What is subscribed, with its value or known to be missing. What has neither yet is left out.</summary>
    public Task<XdsCacheContent> ExportAsync(CancellationToken cancellationToken)
    {
        var exported = new TaskCompletionSource<XdsCacheContent>(TaskCreationOptions.RunContinuationsAsynchronously);
        ObjectDisposedException.ThrowIf(!_loop.Post(() => exported.TrySetResult(Export())), this);

        return exported.Task.WaitAsync(cancellationToken);
    }

    public IDisposable WatchTarget(string listenerName, XdsWatcher<XdsConfig> watcher)
        => Add(new Watch<XdsConfig>(tracker => tracker.Target(listenerName), IsSame, watcher, Remove));

    public IDisposable WatchInbound(string listenerName, XdsWatcher<InboundConfig> watcher)
        => Add(new Watch<InboundConfig>(tracker => tracker.Inbound(listenerName), IsSame, watcher, Remove));

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, true))
        {
            return;
        }

        _loop.Post(_connection.Stop);
        _loop.Post(() => _names.Keep(new HashSet<NameEntry>()));
        await _loop.StopAsync().ConfigureAwait(false);
        await _connection.DisposeAsync().ConfigureAwait(false);
        await _deliveries.StopAsync().ConfigureAwait(false);
    }

    void IAdsEvents.OnConnected() => Publish(State with { Connected = true, Since = _time.GetUtcNow(), Form = _connection.Form });

    void IAdsEvents.OnDisconnected(string reason)
    {
        var now = _time.GetUtcNow();
        var state = State;
        Publish(state with { Connected = false, Since = state.Connected ? now : state.Since, LastError = reason, LastErrorAt = now, Form = _connection.Form });
        foreach (var entry in _cache.All.ToArray())
        {
            if (!_cache.AdoptSeed(entry) && _connection.Unreachable is { } unreachable)
            {
                entry.Fail(UnreachableText(unreachable));
            }
        }

        Evaluate(_ => true);
    }

    string? IAdsEvents.OnUpdate(DiscoveryUpdate update)
    {
        var (changed, error) = ResourceIntake.Apply(update, _cache, _options);
        if (update.Type is not null)
        {
            var version = error is null ? update.Version : _types.GetValueOrDefault(update.TypeUrl).Version ?? "";
            _types[update.TypeUrl] = (version, error);
        }

        if (error is not null)
        {
            LogRefused(_logger, update.Type?.Noun ?? update.TypeUrl, DecodeErrors.Printable(update.Version), error);
        }

        Evaluate(watch => changed.Exists(watch.Needed.Contains));
        Publish(State with { EverAnswered = true });
        return error;
    }

    void IAdsEvents.OnSilence(CacheEntry entry, TimeSpan timeout)
    {
        var what = $"The management server has not spoken about the {ResourceCache.Describe(entry)} within {timeout.TotalSeconds:0.#} s";
        var isNews = _options.ResourceTimerIsTransientError
            ? entry.Fail(what + ".")
            : entry.SetMissing(what + ", so it counts as missing.");
        if (isNews)
        {
            Evaluate(watch => watch.Needed.Contains(entry));
        }
    }

    private string UnreachableText(string reason)
        => $"The management server {_options.Server} cannot be reached and nothing is known from before: {reason} Check that the control plane runs and that its address is right.";

    private Watch Add(Watch watch)
    {
        ObjectDisposedException.ThrowIf(!_loop.Post(() => Begin(watch)), this);

        return watch;
    }

    private void Begin(Watch watch)
    {
        if (!watch.IsDisposed)
        {
            _watches.Add(watch);
            Evaluate(other => other == watch);
        }
    }

    private void Remove(Watch watch) => _loop.Post(() =>
    {
        if (_watches.Remove(watch))
        {
            watch.Release();
            Evaluate(static _ => false);
        }
    });

    /// <summary>Looks at the watches that something happened to, then says to the server what changed in what is needed.</summary>
    private void Evaluate(Func<Watch, bool> isTouched)
    {
        foreach (var watch in _watches)
        {
            if (isTouched(watch) && watch.Evaluate(() => new DependencyTracker(_cache, _names, _dnsEndpoints), Adopt))
            {
                _deliveries.Post(watch.Deliver);
            }

            if (watch is { HasPart: true, Patience: null, IsPatienceOver: false })
            {
                watch.Patience = _time.CreateTimer(_ => _loop.Post(() => EndPatience(watch)), null, _options.FirstConfigPatience, Timeout.InfiniteTimeSpan);
            }
        }

        foreach (var entry in _cache.All.Where(static entry => entry.Needed == 0).ToArray())
        {
            _cache.Drop(entry);
        }

        _names.Keep(_watches.SelectMany(static watch => watch.NeededNames).ToHashSet());
        Publish(State);
        _connection.Flush();
        if (Interlocked.Exchange(ref _changePending, 1) == 0)
        {
            _deliveries.Post(RaiseChanged);
        }
    }

    private void EndPatience(Watch watch)
    {
        if (_watches.Contains(watch))
        {
            watch.LosePatience(isOver: true);
            Evaluate(other => other == watch);
        }
    }

    private void Adopt(CacheEntry entry)
    {
        // With the stream up the server itself answers in a moment, and better.
        if (!_connection.IsConnected && !_cache.AdoptSeed(entry) && _connection.Unreachable is { } unreachable)
        {
            entry.Fail(UnreachableText(unreachable));
        }
    }

    private void RaiseChanged()
    {
        Interlocked.Exchange(ref _changePending, 0);
        Changed?.Invoke();
    }

    private void Publish(XdsClientState state)
    {
        var types = state.Types.ToBuilder();
        foreach (var type in ResourceType.All)
        {
            var entries = _cache[type];
            var (version, nack) = _types.GetValueOrDefault(type.TypeUrl);
            types[type.TypeUrl] = new XdsTypeState
            {
                Version = version ?? "",
                LastNack = nack,
                Subscribed = entries.Count,
                Present = entries.Values.Count(static entry => entry.Config is not null),
                Missing = entries.Values.Count(static entry => entry.IsMissing),
            };
        }

        Volatile.Write(ref _state, state with { Types = types.ToImmutable() });
    }

    private XdsCacheContent Export() => new()
    {
        Present = [.. _cache.All.Where(static entry => entry.Config is not null)
            .Select(static entry => new CachedResource(new ResourceKey(entry.Type.TypeUrl, entry.Name), entry.Version, entry.Value))],
        Missing = [.. _cache.All.Where(static entry => entry.IsMissing).Select(static entry => new ResourceKey(entry.Type.TypeUrl, entry.Name))],
    };

    private static bool IsSame(XdsConfig before, XdsConfig after)
        => ReferenceEquals(before.Listener, after.Listener) && ReferenceEquals(before.Routes, after.Routes)
            && before.Clusters.Count == after.Clusters.Count
            && before.Clusters.All(cluster => after.Clusters.TryGetValue(cluster.Key, out var other)
                && ReferenceEquals(cluster.Value.Config, other.Config)
                && ReferenceEquals(cluster.Value.Endpoints, other.Endpoints)
                && cluster.Value.Error == other.Error);

    private static bool IsSame(InboundConfig before, InboundConfig after)
        => before.Listener with { FilterChains = [], DefaultFilterChain = null } == after.Listener with { FilterChains = [], DefaultFilterChain = null }
            && before.Listener.FilterChains.SequenceEqual(after.Listener.FilterChains)
            && before.Listener.DefaultFilterChain == after.Listener.DefaultFilterChain;

    [LoggerMessage(1020, LogLevel.Warning, "Refused {Type} of version {Version}: {Error}. The last good values stay in use.")]
    private static partial void LogRefused(ILogger logger, string type, string version, string error);

    [LoggerMessage(1021, LogLevel.Warning, "'{Name}' of the snapshot was left out: {Error}")]
    private static partial void LogNotImported(ILogger logger, string name, string error);
}
