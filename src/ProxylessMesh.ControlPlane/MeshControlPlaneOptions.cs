namespace ProxylessMesh.ControlPlane;

/// <summary>How a control plane runs. Bound to the <c>MeshControlPlane</c> configuration section; everything has a default.</summary>
public sealed class MeshControlPlaneOptions
{
    /// <summary>The configuration section.</summary>
    public const string SectionName = "MeshControlPlane";

    /// <summary>Gets or sets the folder of the manifests (<c>*.yaml</c>), watched for changes. Default: <c>mesh</c> under the working directory.</summary>
    public string ManifestFolder { get; set; } = "mesh";

    /// <summary>
    /// Gets or sets the folder of what must survive a restart: the CA, tokens, revisions, the last known workloads. Made when it is
    /// missing. Default: <c>.mesh-state</c> under the working directory.
    /// </summary>
    public string StateFolder { get; set; } = ".mesh-state";

    /// <summary>Gets or sets the address of the one HTTPS port, <c>ip:port</c>; port 0 takes a free one. Default: <c>127.0.0.1:7443</c>.</summary>
    public string Listen { get; set; } = "127.0.0.1:7443";

    /// <summary>
    /// Gets or sets the address of a plaintext xDS port for gRPC clients of others that know no TLS towards their management server,
    /// <c>ip:port</c>. Loopback only unless <see cref="AllowRemotePlaintextXds"/> is set. Empty (the default): none.
    /// </summary>
    public string PlaintextXdsListen { get; set; } = "";

    /// <summary>Gets or sets whether <see cref="PlaintextXdsListen"/> may be an address that other machines reach. Default: false.</summary>
    public bool AllowRemotePlaintextXds { get; set; }

    /// <summary>Gets or sets the trust domain of every identity. Default: <c>mesh.local</c>.</summary>
    public string TrustDomain { get; set; } = "mesh.local";

    /// <summary>
    /// Gets trust domains besides <see cref="TrustDomain"/> whose workloads may join this control plane, for example SPIRE's. Their roots come
    /// from a FederatedTrustDomain. Whoever issues their certificates then says who serves a Service of this mesh. Default: none.
    /// </summary>
    public IList<string> WorkloadTrustDomains { get; } = [];

    /// <summary>
    /// Gets or sets the passphrase of the CA's key at rest. Empty (the default): the environment variable <c>MESH_CA_PASSPHRASE</c>, else
    /// a file that is made beside the key.
    /// </summary>
    public string CaPassphrase { get; set; } = "";

    /// <summary>
    /// Gets or sets a PEM file with the certificate of a CA under a company's root, then its issuers, the root last, to be the mesh's CA. Read when
    /// the state folder has no CA yet, and kept there; later it is changed with <c>mesh ca rotate</c>. Empty (the default): a root of its own.
    /// </summary>
    public string CaCertificateFile { get; set; } = "";

    /// <summary>Gets or sets the PEM file with the key of <see cref="CaCertificateFile"/>. May be deleted after the first start: the key is kept encrypted.</summary>
    public string CaKeyFile { get; set; } = "";

    /// <summary>Gets what the CA may issue.</summary>
    public MeshIssuanceOptions Issuance { get; } = new();

    /// <summary>Gets or sets the lifetime of a workload's certificate. 1 minute to 90 days; default 24 hours.</summary>
    public TimeSpan SvidLifetime { get; set; } = TimeSpan.FromHours(24);

    /// <summary>Gets or sets the lifetime of the root made at the first start. 1 day to 30 years; default 10 years.</summary>
    public TimeSpan RootLifetime { get; set; } = TimeSpan.FromDays(3650);

    /// <summary>Gets or sets how long a workload whose stream broke keeps its endpoints. 0 to 5 minutes; default 10 seconds.</summary>
    public TimeSpan WorkloadGracePeriod { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Gets or sets how long a workload that was known before a restart of the control plane keeps its endpoints until it joins again.
    /// Longer than clients wait between two attempts to connect (30 seconds). 0 to 1 hour; default 1 minute.
    /// </summary>
    public TimeSpan WorkloadRejoinPeriod { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Gets or sets how many manifest revisions are kept. 1 to 10,000; default 50.</summary>
    public int RevisionHistory { get; set; } = 50;

    /// <summary>Gets whether and how Kubernetes service-account tokens prove an identity.</summary>
    public MeshControlPlaneKubernetesOptions Kubernetes { get; } = new();

    /// <summary>
    /// Gets or sets the UNIX socket of the SPIFFE Workload API, as <c>unix:///path</c>, for programs of this machine. Linux. WorkloadIdentity manifests say
    /// which of them is what. Empty (the default): none.
    /// </summary>
    public string WorkloadApi { get; set; } = "";

    /// <summary>Gets how other trust domains get our bundle, and we theirs.</summary>
    public MeshFederationOptions Federation { get; } = new();
}
