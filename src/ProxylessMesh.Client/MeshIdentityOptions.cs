namespace ProxylessMesh;

/// <summary>Where the certificate of this process comes from. One source at a time; each rotates without a lost call.</summary>
public sealed class MeshIdentityOptions
{
    /// <summary>Gets or sets the source. Default: <see cref="MeshIdentitySource.MeshCa"/>.</summary>
    public MeshIdentitySource Source { get; set; } = MeshIdentitySource.MeshCa;

    /// <summary>
    /// Gets or sets the file of a projected Kubernetes service-account token that proves the process to the mesh's CA, in place of a join
    /// token. Needs <see cref="RootFile"/>.
    /// </summary>
    public string KubernetesTokenFile { get; set; } = "";

    /// <summary>
    /// Gets or sets a file of roots that are trusted besides the source's own: those of the control plane, where it has a CA of its own. PEM, a
    /// SPIFFE bundle, or a map of bundles by trust domain.
    /// </summary>
    public string RootFile { get; set; } = "";

    /// <summary>
    /// Gets or sets the control plane's trust domain. Default: the one that the first root in <see cref="RootFile"/> names, else the one of
    /// this process's certificate.
    /// </summary>
    public string ControlPlaneTrustDomain { get; set; } = "";

    /// <summary>Gets what <see cref="MeshIdentitySource.WorkloadApi"/> needs to know.</summary>
    public WorkloadApiOptions WorkloadApi { get; } = new();

    /// <summary>Gets what <see cref="MeshIdentitySource.IstioCa"/> needs to know.</summary>
    public IstioCaOptions IstioCa { get; } = new();

    /// <summary>Gets what <see cref="MeshIdentitySource.Files"/> needs to know.</summary>
    public FileOptions Files { get; } = new();

    /// <summary>A SPIFFE agent.</summary>
    public sealed class WorkloadApiOptions
    {
        /// <summary>Gets or sets its address, <c>unix:///path</c> or <c>tcp://ip:port</c>. Default: the variable <c>SPIFFE_ENDPOINT_SOCKET</c>.</summary>
        public string Socket { get; set; } = "";

        /// <summary>Gets or sets the hint of the identity to use, where the agent has several for this process. Default: the first.</summary>
        public string Hint { get; set; } = "";
    }

    /// <summary>Istio's CA.</summary>
    public sealed class IstioCaOptions
    {
        /// <summary>Gets or sets its address. Default: <c>https://istiod.istio-system.svc:15012</c>.</summary>
        public Uri Address { get; set; } = new("https://istiod.istio-system.svc:15012");

        /// <summary>Gets or sets the file of the projected service-account token. Default: where Istio mounts it.</summary>
        public string TokenFile { get; set; } = "/var/run/secrets/tokens/istio-token";

        /// <summary>Gets or sets the file of the CA's roots. Default: where Istio mounts the ConfigMap <c>istio-ca-root-cert</c>.</summary>
        public string RootFile { get; set; } = "/var/run/secrets/istio/root-cert.pem";

        /// <summary>Gets or sets the DNS name, or the SPIFFE ID, in the CA's server certificate. Default: the host of <see cref="Address"/>.</summary>
        public string ServerName { get; set; } = "";

        /// <summary>Gets or sets the name of the cluster that the token is of, for a CA that serves several. Default: <c>Kubernetes</c>.</summary>
        public string ClusterId { get; set; } = "Kubernetes";

        /// <summary>Gets or sets the lifetime that is asked for; the CA may give less. 1 minute to 90 days; default 24 hours.</summary>
        public TimeSpan Lifetime { get; set; } = TimeSpan.FromHours(24);
    }

    /// <summary>Files that something else renews.</summary>
    public sealed class FileOptions
    {
        /// <summary>
        /// Gets or sets the folder, in the layout of cert-manager (<c>tls.crt</c>, <c>tls.key</c>, <c>ca.crt</c>), of istio-agent
        /// (<c>cert-chain.pem</c>, <c>key.pem</c>, <c>root-cert.pem</c>) or of spiffe-helper (<c>svid.pem</c>, <c>svid_key.pem</c>,
        /// <c>svid_bundle.pem</c>). In place of the three files.
        /// </summary>
        public string Folder { get; set; } = "";

        /// <summary>Gets or sets the file of the certificate and what signed it, PEM, leaf first.</summary>
        public string Certificate { get; set; } = "";

        /// <summary>Gets or sets the file of the private key, PEM, not encrypted.</summary>
        public string Key { get; set; } = "";

        /// <summary>Gets or sets the file of the roots: PEM, a SPIFFE bundle, or a map of bundles by trust domain.</summary>
        public string Roots { get; set; } = "";

        /// <summary>Gets or sets how often to look where the system reports no change. 1 second to 1 hour; default 30 seconds.</summary>
        public TimeSpan PollInterval { get; set; } = TimeSpan.FromSeconds(30);
    }
}

/// <summary>Who issues the certificate of a process.</summary>
public enum MeshIdentitySource
{
    /// <summary>The control plane's CA, by a join token or a Kubernetes service-account token.</summary>
    MeshCa,

    /// <summary>A SPIFFE Workload API, such as SPIRE's agent.</summary>
    WorkloadApi,

    /// <summary>Istio's CA, by a Kubernetes service-account token.</summary>
    IstioCa,

    /// <summary>Files that something else renews, such as cert-manager.</summary>
    Files,
}
