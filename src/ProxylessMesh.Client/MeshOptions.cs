namespace ProxylessMesh;

/// <summary>How this process joins the mesh. Bound to the <c>Mesh</c> configuration section; everything has a default.</summary>
public sealed class MeshOptions
{
    /// <summary>Gets or sets the name others call this workload by. Default: the entry assembly's name in kebab case.</summary>
    public string Service { get; set; } = "";

    /// <summary>Gets or sets the namespace. Default: <c>default</c>.</summary>
    public string Namespace { get; set; } = "default";

    /// <summary>Gets or sets the service account, the last part of the SPIFFE ID. Default: <see cref="Service"/>.</summary>
    public string ServiceAccount { get; set; } = "";

    /// <summary>Gets or sets the version, the label <c>version</c>, for example <c>v2</c>. Optional.</summary>
    public string Version { get; set; } = "";

    /// <summary>Gets labels that manifests may select by, besides <c>app</c> (the service) and <c>version</c>.</summary>
    public IDictionary<string, string> Labels { get; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>
    /// Gets or sets the control plane's address, for example <c>https://mesh.internal:7443</c>. Default in Development: what
    /// <c>mesh up</c> left for this user.
    /// </summary>
    public Uri? ControlPlane { get; set; }

    /// <summary>Gets or sets the join token. Needed for the first certificate, and by a sealed identity.</summary>
    public string JoinToken { get; set; } = "";

    /// <summary>Gets or sets a file that holds the join token; read when <see cref="JoinToken"/> is empty.</summary>
    public string JoinTokenFile { get; set; } = "";

    /// <summary>Gets where the certificate of this process comes from.</summary>
    public MeshIdentityOptions Identity { get; } = new();

    /// <summary>Gets where this process runs; used for locality-aware balancing.</summary>
    public LocalityOptions Locality { get; } = new();

    /// <summary>Gets which TLS the mesh speaks, on both sides.</summary>
    public TlsOptions Tls { get; } = new();

    /// <summary>Gets what happens to calls of this process.</summary>
    public OutboundOptions Outbound { get; } = new();

    /// <summary>Gets what happens to calls to this process.</summary>
    public InboundOptions Inbound { get; } = new();

    /// <summary>Gets what is kept on disk for a start without the control plane.</summary>
    public StateOptions State { get; } = new();

    /// <summary>Gets or sets why what <c>mesh up</c> left could not be read; for the validator.</summary>
    internal string? DevelopmentFileError { get; set; }

    /// <summary>Where a process runs.</summary>
    public sealed class LocalityOptions
    {
        /// <summary>Gets or sets the region, for example <c>eu-west-1</c>.</summary>
        public string Region { get; set; } = "";

        /// <summary>Gets or sets the zone, for example <c>b</c>.</summary>
        public string Zone { get; set; } = "";

        /// <summary>Gets or sets the part of the zone.</summary>
        public string SubZone { get; set; } = "";
    }

    /// <summary>TLS between workloads. Both sides prove an identity whatever is set here.</summary>
    public sealed class TlsOptions
    {
        /// <summary>Gets or sets the least version: <c>1.2</c> (the default; 1.3 is preferred) or <c>1.3</c>.</summary>
        public string MinimumVersion { get; set; } = "1.2";

        /// <summary>
        /// Gets the only cipher suites that are offered and taken, by their IANA names, for example <c>TLS_AES_256_GCM_SHA384</c>.
        /// Default: none, the platform's. On Windows none can be chosen. Choosing turns session resumption off.
        /// </summary>
        public IList<string> CipherSuites { get; } = [];
    }

    /// <summary>Outgoing calls.</summary>
    public sealed class OutboundOptions
    {
        /// <summary>Gets or sets what happens to calls to hosts that the mesh does not know. Default: they go out untouched.</summary>
        public UnknownHostPolicy UnknownHosts { get; set; } = UnknownHostPolicy.PassThrough;

        /// <summary>Gets or sets how long the first call to a host waits for its configuration. 0 to 5 minutes; default 15 seconds.</summary>
        public TimeSpan ConfigTimeout { get; set; } = TimeSpan.FromSeconds(15);

        /// <summary>Gets or sets the largest request body, in bytes, that is kept for a retry. 0 to 16 MiB; default 64 KiB.</summary>
        public int RetryBufferBytes { get; set; } = 64 * 1024;
    }

    /// <summary>Incoming calls.</summary>
    public sealed class InboundOptions
    {
        /// <summary>Gets or sets whether Kestrel's endpoints take part in the mesh. Default: true.</summary>
        public bool Enabled { get; set; } = true;

        /// <summary>Gets or sets the address peers are told, where it differs from what Kestrel listens on: <c>ip</c> or <c>ip:port</c>.</summary>
        public string AdvertisedAddress { get; set; } = "";

        /// <summary>
        /// Gets names of ports, by number, for Services whose <c>targetPort</c> is a name. Default: the first is <c>http</c>, any other
        /// <c>http-NUMBER</c>.
        /// </summary>
        public IDictionary<int, string> PortNames { get; } = new Dictionary<int, string>();

        /// <summary>Gets the ports that stay as they are, without mesh TLS and authorization (management, probes).</summary>
        public IList<int> PlaintextPorts { get; } = [];

        /// <summary>
        /// Gets the paths that anyone may ask (GET, HEAD or gRPC, exactly as written), in plaintext and without authorization, whatever the
        /// port's mode: for probes. Default: none.
        /// </summary>
        public IList<string> ProbePaths { get; } = [];

        /// <summary>
        /// Gets or sets how far back it is known what was called here, for <c>mesh preview</c> and <c>mesh migrate</c>: counts by caller, endpoint and
        /// outcome, in memory. 0 (off) to 1 hour, in whole minutes; default 10 minutes.
        /// </summary>
        public TimeSpan CallSummaryWindow { get; set; } = TimeSpan.FromMinutes(10);

        /// <summary>Gets or sets how many kinds of calls are told apart in that time; one caller has a quarter of it. 16 to 65536; default 2048.</summary>
        public int MaxCallSummaries { get; set; } = 2048;

        /// <summary>
        /// Gets or sets the share of allowed calls that are logged, with caller, endpoint and policy. 0 (the default: none) to 1 (all). Denied
        /// calls are always logged.
        /// </summary>
        public double AllowedCallLogRate { get; set; }

        /// <summary>
        /// Gets or sets how many TLS handshakes run at once; one address may have a quarter of them. Others wait. 1 to 100,000;
        /// default 1,000.
        /// </summary>
        public int MaxHandshakes { get; set; } = 1000;

        /// <summary>Gets or sets how long a drain may take at shutdown before running calls are cut. 0 to 10 minutes; default 25 seconds.</summary>
        public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromSeconds(25);
    }

    /// <summary>Files that let a process start while the control plane is away.</summary>
    public sealed class StateOptions
    {
        /// <summary>Gets or sets the folder. Empty (the default): nothing is kept.</summary>
        public string Folder { get; set; } = "";

        /// <summary>
        /// Gets or sets whether the certificate's key is kept too: as PKCS#12, mode 0600, encrypted with a key derived from the join
        /// token. Default: false.
        /// </summary>
        public bool SealIdentity { get; set; }

        /// <summary>Gets or sets the age above which a snapshot is refused. 1 minute to 30 days; default 24 hours.</summary>
        public TimeSpan MaxAge { get; set; } = TimeSpan.FromHours(24);
    }
}

/// <summary>What happens to calls to hosts that the mesh does not know.</summary>
public enum UnknownHostPolicy
{
    /// <summary>They go out as if the mesh were not there.</summary>
    PassThrough,

    /// <summary>They fail with <c>MeshError.UnknownHost</c>.</summary>
    Refuse,
}
