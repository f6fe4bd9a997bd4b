using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ProxylessMesh.Spiffe;
using ProxylessMesh.Xds.Bootstrap;

namespace ProxylessMesh.Client;

/// <summary>Makes the identity source that the options name.</summary>
internal static class IdentitySourceFactory
{
    private const string UsualProvider = "default";

    public static IdentitySource Create(IServiceProvider provider)
    {
        var options = provider.GetRequiredService<IOptions<MeshOptions>>().Value;
        var time = provider.GetRequiredService<TimeProvider>();
        var loggers = provider.GetRequiredService<ILoggerFactory>();
        var also = ControlPlaneTrust.Read(options).Bundles;
        return options.Identity.Source switch
        {
            MeshIdentitySource.WorkloadApi => new WorkloadApiSource(WorkloadApi(options.Identity.WorkloadApi), time, loggers.CreateLogger<WorkloadApiSource>()) { AlsoTrusted = also },
            MeshIdentitySource.IstioCa => new IstioCaSource(IstioCa(options.Identity.IstioCa), time, loggers.CreateLogger<IstioCaSource>()) { AlsoTrusted = also },
            MeshIdentitySource.Files => FromFiles(Files(options.Identity.Files)),
            _ when options.ControlPlane is { } controlPlane => new MeshCaSource(MeshCa(options, controlPlane), time, loggers.CreateLogger<MeshCaSource>()),
            _ when XdsBootstrapReader.FromEnvironment() is { } bootstrap && FileWatcher(bootstrap) is { } files => FromFiles(files),
            _ => new NoIdentitySource(),
        };

        CertificateFileSource FromFiles(CertificateFileSettings settings) => new(settings, time, loggers.CreateLogger<CertificateFileSource>()) { AlsoTrusted = also };
    }

    /// <summary>JWT-SVIDs come from a SPIFFE agent alone; made when the application asks for it.</summary>
    public static JwtSvidSource CreateJwt(IServiceProvider provider)
    {
        var options = provider.GetRequiredService<IOptions<MeshOptions>>().Value.Identity;
        return options.Source == MeshIdentitySource.WorkloadApi
            ? new JwtSvidSource(WorkloadApi(options.WorkloadApi), provider.GetRequiredService<TimeProvider>())
            : throw new InvalidOperationException($"JWT-SVIDs come from a SPIFFE agent, but Mesh:Identity:Source is {options.Source}. Set it to WorkloadApi.");
    }

    /// <summary>The agent's address as it is written; empty where nothing names it.</summary>
    public static string Socket(MeshIdentityOptions.WorkloadApiOptions options)
        => options.Socket is { Length: > 0 } socket ? socket : Environment.GetEnvironmentVariable(WorkloadApiAddress.Variable) ?? "";

    /// <summary>What a client of the agent needs, from options that are valid.</summary>
    public static WorkloadApiSettings WorkloadApi(MeshIdentityOptions.WorkloadApiOptions options) => new()
    {
        Address = WorkloadApiAddress.TryParse(Socket(options), out var address, out var error) ? address : throw new InvalidOperationException($"The SPIFFE agent's address {error}."),
        Hint = options.Hint,
    };

    /// <summary>
    /// The <c>file_watcher</c> of a bootstrap (gRFC A29). A process has one identity: the provider named <c>default</c>, or the only one that
    /// has a certificate and roots.
    /// </summary>
    public static CertificateFileSettings? FileWatcher(XdsBootstrap bootstrap)
    {
        var whole = bootstrap.CertificateProviders
            .Where(static provider => provider.Value is { CertificateFile: not null, PrivateKeyFile: not null } && (provider.Value.SpiffeTrustBundleMapFile ?? provider.Value.CaCertificateFile) is not null)
            .ToList();
        var chosen = whole.Count == 1 ? whole[0].Value : whole.FirstOrDefault(static provider => provider.Key == UsualProvider).Value;
        return chosen is null ? null : new CertificateFileSettings
        {
            CertificateFile = chosen.CertificateFile!,
            KeyFile = chosen.PrivateKeyFile!,

            // Where both are set the map counts (gRFC A87).
            RootFile = chosen.SpiffeTrustBundleMapFile ?? chosen.CaCertificateFile!,
            PollInterval = chosen.RefreshInterval,
        };
    }

    private static MeshCaSettings MeshCa(MeshOptions options, Uri controlPlane) => new()
    {
        ControlPlane = controlPlane,
        Token = JoinTokenReader.Read(options, out _),
        KubernetesTokenFile = options.Identity.KubernetesTokenFile,
        RootFile = options.Identity.RootFile,
        TrustDomain = ControlPlaneTrust.Read(options).TrustDomain,
        Namespace = options.Namespace,
        ServiceAccount = options.ServiceAccount,
    };

    private static IstioCaSettings IstioCa(MeshIdentityOptions.IstioCaOptions options) => new()
    {
        Address = options.Address,
        TokenFile = options.TokenFile,
        RootFile = options.RootFile,
        ServerName = options.ServerName.Length > 0 ? options.ServerName : options.Address.IdnHost,
        ClusterId = options.ClusterId,
        Lifetime = options.Lifetime,
    };

    private static CertificateFileSettings Files(MeshIdentityOptions.FileOptions options) => new()
    {
        Folder = options.Folder,
        CertificateFile = options.Certificate,
        KeyFile = options.Key,
        RootFile = options.Roots,
        PollInterval = options.PollInterval,
    };
}
