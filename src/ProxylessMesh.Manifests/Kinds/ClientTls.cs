using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>TLS towards a host (Istio <c>ClientTLSSettings</c>).</summary>
public sealed record ClientTls
{
    /// <summary>Whether, and with which certificates.</summary>
    public required ClientTlsMode Mode { get; init; }

    /// <summary>File of the client's certificate, for <see cref="ClientTlsMode.Mutual"/>; empty otherwise.</summary>
    public string ClientCertificate { get; init; } = "";

    /// <summary>File of its private key.</summary>
    public string PrivateKey { get; init; } = "";

    /// <summary>File of the roots; empty: those of the operating system.</summary>
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

    /// <summary>The same, and the client shows a certificate from files.</summary>
    Mutual,

    /// <summary>mTLS with the mesh's certificates.</summary>
    IstioMutual,
}
