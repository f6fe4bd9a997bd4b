using System.Collections.Frozen;
using System.Net;
using Envoy.Config.Core.V3;

namespace ProxylessMesh.Xds.Client;

/// <summary>What an <see cref="XdsClient"/> needs to know: the server, who asks, and how patient it is.</summary>
internal sealed record XdsClientOptions
{
    /// <summary>The management server: <c>https://host:port</c>, <c>http://host:port</c> (plaintext) or <c>unix:/path</c>.</summary>
    public required Uri Server { get; init; }

    /// <summary>Sent in the first request of each stream.</summary>
    public required Node Node { get; init; }

    /// <summary>
    /// Carries the stream: its certificates and connect callback are the owner's, who also disposes it after the client.
    /// Null: <see cref="AdsChannel.CreateHandler"/>, without a client certificate.
    /// </summary>
    public HttpMessageHandler? Handler { get; init; }

    /// <summary>The form of ADS to begin with. Delta falls back to state of the world where the server answers UNIMPLEMENTED.</summary>
    public AdsForm Form { get; init; } = AdsForm.Delta;

    /// <summary>Names of certificate providers that a TLS context may refer to (gRFC A29); any other is a NACK.</summary>
    public FrozenSet<string> CertificateProviders { get; init; } = DefaultCertificateProviders;

    /// <summary>How long a server may stay silent about a name before it counts as missing (gRFC A57).</summary>
    public TimeSpan ResourceTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a target that has no config yet waits for all of its clusters, before it is told with those that have come.</summary>
    public TimeSpan FirstConfigPatience { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A name that the server took away keeps its last good value (gRFC A53).</summary>
    public bool IgnoreResourceDeletion { get; init; }

    /// <summary>A resource whose new value is refused loses its last good value (gRFC A88).</summary>
    public bool FailOnDataErrors { get; init; }

    /// <summary>Silence about a name is an unreachable server, not a missing name; the limit becomes 30 seconds (gRFC A88).</summary>
    public bool ResourceTimerIsTransientError { get; init; }

    /// <summary>First wait between two attempts to connect; grows by 1.6 up to <see cref="MaxBackoff"/>, each varied by a fifth.</summary>
    public TimeSpan InitialBackoff { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan MaxBackoff { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Addresses of a host name, for DNS clusters.</summary>
    public Func<string, CancellationToken, Task<IPAddress[]>> ResolveHost { get; init; } = SystemNames.ResolveAsync;

    /// <summary>The largest response, in bytes, that is read.</summary>
    public int MaxResponseBytes { get; init; } = 64 * 1024 * 1024;

    private static readonly FrozenSet<string> DefaultCertificateProviders = FrozenSet.Create(StringComparer.Ordinal, "default");
}

/// <summary>The two forms of the aggregated stream.</summary>
internal enum AdsForm
{
    /// <summary><c>DeltaAggregatedResources</c>: changes by resource.</summary>
    Delta,

    /// <summary><c>StreamAggregatedResources</c>: all resources of a type each time.</summary>
    StateOfTheWorld,
}
