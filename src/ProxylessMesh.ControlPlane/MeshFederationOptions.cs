namespace ProxylessMesh.ControlPlane;

/// <summary>
/// How our bundle is served to other trust domains (SPIFFE Federation §5), and theirs are asked for. Which ones there are, FederatedTrustDomain
/// manifests say.
/// </summary>
public sealed class MeshFederationOptions
{
    /// <summary>Gets or sets the address of the bundle endpoint, <c>ip:port</c>; port 0 takes a free one. Empty (the default): none.</summary>
    public string Listen { get; set; } = "";

    /// <summary>
    /// Gets or sets the PEM file of the endpoint's certificate and its chain, for the profile <c>https_web</c>; read again when it changes. Empty (the
    /// default): the control plane's own SVID, for the profile <c>https_spiffe</c>.
    /// </summary>
    public string Certificate { get; set; } = "";

    /// <summary>Gets or sets the PEM file of the private key of <see cref="Certificate"/>.</summary>
    public string CertificateKey { get; set; } = "";

    /// <summary>Gets or sets how often others are told to look for a newer bundle. 1 second to 1 day; default 5 minutes.</summary>
    public TimeSpan RefreshHint { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Gets or sets the PEM file of the certificate authorities that endpoints of the profile <c>https_web</c> are verified by. Empty (the default): the system's.</summary>
    public string WebRoots { get; set; } = "";
}
