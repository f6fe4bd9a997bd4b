using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>TLS towards a host (Istio <c>ClientTLSSettings</c>).</summary>
public sealed record ClientTls
{
    /// <summary>Whether, and with which certificates.</summary>
    public required ClientTlsMode Mode { get; init; }

    /// <summary>The roots as PEM; empty: those of the operating system.</summary>
    public string CaCertificates { get; init; } = "";

    /// <summary>The certificate must be for one of these; empty: for the host.</summary>
    public ImmutableArray<string> SubjectAltNames { get; init; } = [];

    /// <summary>The name asked for in the handshake; empty: the host.</summary>
    public string Sni { get; init; } = "";
}

/// <summary>TLS towards a host.</summary>
public enum ClientTlsMode
{
    /// <summary>Plaintext.</summary>
    Disable,

    /// <summary>TLS as of a web server: the host proves its name.</summary>
    Simple,

    /// <summary>mTLS with the mesh's certificates.</summary>
    IstioMutual,
}
