using System.Collections.Frozen;
using System.Collections.Immutable;
using Envoy.Config.Core.V3;
using ProxylessMesh.Xds.Client;

namespace ProxylessMesh.Xds.Bootstrap;

/// <summary>What an xDS client is started with (gRFC A27): read from JSON or built in code.</summary>
internal sealed record XdsBootstrap
{
    /// <summary>In order of preference; at least one.</summary>
    public required ImmutableArray<XdsServerConfig> Servers { get; init; }

    public Node Node { get; init; } = new();

    /// <summary>By instance name.</summary>
    public FrozenDictionary<string, CertificateProviderConfig> CertificateProviders { get; init; } = FrozenDictionary<string, CertificateProviderConfig>.Empty;

    /// <summary>Name of a client's listener; <c>%s</c> is the target.</summary>
    public string ClientListenerTemplate { get; init; } = "%s";

    /// <summary>Name of a server's listener; <c>%s</c> is the listening address. Null: this process cannot be an xDS server.</summary>
    public string? ServerListenerTemplate { get; init; }

    /// <summary>The options of a client of the first server. Its handler is the caller's to dispose.</summary>
    public XdsClientOptions ToClientOptions()
    {
        var server = Servers[0];
        return new XdsClientOptions
        {
            Server = server.Address,
            Node = Node,
            Handler = server.Tls is null ? null : XdsServerHandler.Create(server),
            CertificateProviders = CertificateProviders.Keys.ToFrozenSet(StringComparer.Ordinal),
            IgnoreResourceDeletion = server.Features.Contains("ignore_resource_deletion"),
            FailOnDataErrors = server.Features.Contains("fail_on_data_errors"),
            ResourceTimerIsTransientError = server.Features.Contains("resource_timer_is_transient_error") || server.Features.Contains("resource_timer_indicates_transient_failure"),
        };
    }
}

/// <summary>One management server.</summary>
internal sealed record XdsServerConfig
{
    /// <summary><c>http</c>, <c>https</c> or <c>unix</c>.</summary>
    public required Uri Address { get; init; }

    /// <summary>Null: plaintext (<c>insecure</c>).</summary>
    public XdsServerTls? Tls { get; init; }

    public FrozenSet<string> Features { get; init; } = FrozenSet<string>.Empty;
}

/// <summary>The files of <c>tls</c> channel credentials (gRFC A65). All null: the system's roots, no client certificate.</summary>
internal sealed record XdsServerTls
{
    public string? CaCertificateFile { get; init; }

    public string? CertificateFile { get; init; }

    public string? PrivateKeyFile { get; init; }

    /// <summary>Each stream carries a token of Google's default credentials (<c>google_default</c>).</summary>
    public bool UsesGoogleDefault { get; init; }

    /// <summary>How often the files are read again.</summary>
    public TimeSpan RefreshInterval { get; init; } = TimeSpan.FromSeconds(600);
}

/// <summary>A certificate provider of the plugin <c>file_watcher</c>.</summary>
internal sealed record CertificateProviderConfig
{
    public string? CertificateFile { get; init; }

    public string? PrivateKeyFile { get; init; }

    public string? CaCertificateFile { get; init; }

    /// <summary>A SPIFFE bundle map instead of <see cref="CaCertificateFile"/> (gRFC A87).</summary>
    public string? SpiffeTrustBundleMapFile { get; init; }

    public TimeSpan RefreshInterval { get; init; } = TimeSpan.FromSeconds(600);
}
