using System.Collections.Immutable;
using System.Net;

namespace ProxylessMesh.Xds.Resources;

/// <summary>A valid <c>envoy.config.listener.v3.Listener</c>: the client side has <see cref="Api"/>, a server side <see cref="FilterChains"/>.</summary>
internal sealed record ListenerConfig
{
    public required string Name { get; init; }

    /// <summary>The <c>api_listener</c>: what a client does with calls to this name.</summary>
    public HttpConnectionConfig? Api { get; init; }

    /// <summary>Where a server listens; null for a client's listener.</summary>
    public IPEndPoint? Address { get; init; }

    public ImmutableArray<FilterChainConfig> FilterChains { get; init; } = [];

    public FilterChainConfig? DefaultFilterChain { get; init; }
}

/// <summary>How one kind of connection to a server is treated (gRFC A36).</summary>
internal sealed record FilterChainConfig
{
    public string Name { get; init; } = "";

    /// <summary>The kind of connection that this chain is for, by its first bytes.</summary>
    public TransportProtocol Transport { get; init; }

    /// <summary>Which connections it is for, by their addresses.</summary>
    public FilterChainMatchConfig Match { get; init; } = FilterChainMatchConfig.Any;

    /// <summary>Null: plaintext.</summary>
    public DownstreamTlsConfig? Tls { get; init; }

    public required HttpConnectionConfig Http { get; init; }
}

/// <summary>The addresses of a <c>FilterChainMatch</c>; empty and <see cref="SourceKind.Any"/> match every connection (gRFC A36).</summary>
internal sealed record FilterChainMatchConfig
{
    public static readonly FilterChainMatchConfig Any = new();

    public ImmutableArray<IPNetwork> Destinations { get; init; } = [];

    public SourceKind Source { get; init; }

    public ImmutableArray<IPNetwork> Sources { get; init; } = [];

    public ImmutableArray<int> SourcePorts { get; init; } = [];
}

/// <summary><c>FilterChainMatch.source_type</c>.</summary>
internal enum SourceKind
{
    Any,
    SameAddressOrLoopback,
    External,
}

/// <summary><c>FilterChainMatch.transport_protocol</c>.</summary>
internal enum TransportProtocol
{
    Any,

    /// <summary><c>raw_buffer</c>: plaintext.</summary>
    RawBuffer,

    /// <summary><c>tls</c>.</summary>
    Tls,
}

/// <summary>A valid <c>HttpConnectionManager</c>: filters in order, and the routes by name or inline (exactly one of them).</summary>
internal sealed record HttpConnectionConfig
{
    public string? RouteConfigName { get; init; }

    public RouteConfig? InlineRoutes { get; init; }

    public ImmutableArray<HttpFilterConfig> Filters { get; init; } = [];

    /// <summary>What is done to the paths of requests before rules look at them.</summary>
    public PathOptions Paths { get; init; }

    /// <summary>
    /// How many proxies before this server are trusted to append to <c>x-forwarded-for</c>; 0: none, the connection's address is the caller's.
    /// </summary>
    public int TrustedHops { get; init; }

    /// <summary><c>common_http_protocol_options.max_stream_duration</c> (gRFC A31).</summary>
    public TimeSpan? MaxStreamDuration { get; init; }
}

/// <summary><c>normalize_path</c>, <c>merge_slashes</c> and <c>path_with_escaped_slashes_action</c>.</summary>
/// <param name="Normalizes">Backslashes become slashes, and dot segments are resolved.</param>
/// <param name="MergesSlashes">Neighbouring slashes become one.</param>
/// <param name="EscapedSlashes">What <c>%2F</c> and <c>%5C</c> mean.</param>
internal readonly record struct PathOptions(bool Normalizes, bool MergesSlashes, EscapedSlashes EscapedSlashes);

/// <summary><c>path_with_escaped_slashes_action</c>.</summary>
internal enum EscapedSlashes
{
    Keep,
    Unescape,

    /// <summary>A request whose path can be read in two ways is refused.</summary>
    Reject,
}
