namespace ProxylessMesh.Spiffe;

/// <summary>Which files hold the certificate, its key and the roots. Either a folder in a layout that is known, or three files.</summary>
internal sealed record CertificateFileSettings
{
    /// <summary>Folder of cert-manager, istio-agent or spiffe-helper; empty where the files are named.</summary>
    public string Folder { get; init; } = "";

    /// <summary>PEM: the leaf, then what signed it.</summary>
    public string CertificateFile { get; init; } = "";

    /// <summary>PEM: the private key, PKCS#8, SEC 1 or PKCS#1, not encrypted.</summary>
    public string KeyFile { get; init; } = "";

    /// <summary>PEM roots of the certificate's own trust domain, or a SPIFFE bundle, or a map of them by trust domain (gRFC A87).</summary>
    public string RootFile { get; init; } = "";

    /// <summary>How often to look at the files where the system reports no change.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(30);
}
