using Microsoft.Extensions.Logging;

namespace ProxylessMesh.Xds.Client;

/// <summary>The process's one xDS client: one ADS stream, one cache, complete configs for those who watch.</summary>
internal sealed class XdsClient(XdsClientOptions options, TimeProvider time, ILogger<XdsClient> logger) : IXdsClient, IAsyncDisposable
{
    /// <summary>Raised after the accepted state or the set of subscriptions changed; not more than once per response. Return quickly.</summary>
    public event Action? Changed;

    /// <summary>The connection as it stands now. Any thread.</summary>
    public XdsClientState State { get; } = new() { Form = options.Form };

    /// <summary>
    /// Seeds the cache from a verified snapshot. Call before <see cref="Start"/>: the values are used until the server says
    /// something newer, and their versions are told to it. What does not decode is left out, and logged.
    /// </summary>
    public void Import(XdsCacheContent content) => throw new NotSupportedException(content.ToString());

    /// <summary>Begins to connect as soon as something is watched. Watches made earlier wait, or are answered from what was imported.</summary>
    public void Start() => throw new NotSupportedException(nameof(logger) + logger);

    /// <summary>What is subscribed, present or missing.</summary>
    public Task<XdsCacheContent> ExportAsync(CancellationToken cancellationToken) => throw new NotSupportedException(Changed?.ToString());

    public IDisposable WatchTarget(string listenerName, XdsWatcher<XdsConfig> watcher) => throw new NotSupportedException(time.ToString());

    public IDisposable WatchInbound(string listenerName, XdsWatcher<InboundConfig> watcher) => throw new NotSupportedException();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
