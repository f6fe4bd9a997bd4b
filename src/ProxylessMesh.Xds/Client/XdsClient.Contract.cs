namespace ProxylessMesh.Xds.Client;

/// <summary>Where a watcher's resources stand.</summary>
internal abstract record XdsUpdate<TConfig>
{
    /// <summary>A complete, consistent config (gRFC A74).</summary>
    internal sealed record Ready(TConfig Config) : XdsUpdate<TConfig>;

    /// <summary>The management server said that there is no such name, or it answered nothing in time (gRFC A53, A57).</summary>
    internal sealed record Missing(string Reason) : XdsUpdate<TConfig>;

    /// <summary>The resource was never valid, or the server cannot be reached and nothing is cached.</summary>
    internal sealed record Failed(string Reason) : XdsUpdate<TConfig>;
}

/// <summary>Told of each change, one at a time, never on the thread that reads the stream for long: return quickly, do not throw.</summary>
internal delegate void XdsWatcher<TConfig>(XdsUpdate<TConfig> update);

/// <summary>What the data plane asks of the xDS side. One instance, one ADS stream per process.</summary>
internal interface IXdsClient
{
    /// <summary>Subscribes to a client listener and all it leads to. Dispose to unsubscribe.</summary>
    IDisposable WatchTarget(string listenerName, XdsWatcher<XdsConfig> watcher);

    /// <summary>Subscribes to a server listener. Dispose to unsubscribe.</summary>
    IDisposable WatchInbound(string listenerName, XdsWatcher<InboundConfig> watcher);
}
