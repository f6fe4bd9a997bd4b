using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.ControlPlane.Tests.Ca;

/// <summary>The CA behind its real door, on a state folder that a test may use again.</summary>
internal sealed class TestCaHost : IAsyncDisposable
{
    private readonly WebApplication _application;

    private TestCaHost(WebApplication application, LogGuard log)
    {
        _application = application;
        Log = log;
        Address = new Uri(application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
    }

    public Uri Address { get; }

    public LogGuard Log { get; }

    public JoinTokens Tokens => _application.Services.GetRequiredService<JoinTokens>();

    public RootRotation Rotation => _application.Services.GetRequiredService<RootRotation>();

    public RevokedIdentities Revoked => _application.Services.GetRequiredService<RevokedIdentities>();

    public CertificateAuthority Authority => _application.Services.GetRequiredService<CertificateAuthority>();

    public static async Task<TestCaHost> StartAsync(string folder, Action<MeshControlPlaneOptions>? configure = null, IPEndPoint? address = null)
    {
        var log = new LogGuard();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.AddProvider(log);
        builder.Services.AddRouting().AddGrpc();
        builder.Services.Configure<MeshControlPlaneOptions>(options =>
        {
            options.StateFolder = folder;
            configure?.Invoke(options);
        });
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<StateFolder>();
        builder.Services.AddSingleton<ISnapshotContentSource, EchoContent>();
        builder.Services.AddMeshCa();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(
            address ?? new IPEndPoint(IPAddress.Loopback, 0), listen => listen.UseMeshTls(kestrel.ApplicationServices.GetRequiredService<ControlPlaneIdentitySource>())));
        var application = builder.Build();
        application.MapMeshCa();
        await application.StartAsync(TestContext.Current.CancellationToken);
        return new TestCaHost(application, log);
    }

    public MeshCaSettings SettingsFor(string token, string namespaceName = "shop", string serviceAccount = "catalog") => new()
    {
        ControlPlane = Address,
        Token = token.Length == 0 ? null : JoinToken.Parse(token),
        Namespace = namespaceName,
        ServiceAccount = serviceAccount,
    };

    /// <summary>One attempt by a token.</summary>
    public async Task<WorkloadIdentity> JoinAsync(string token, string namespaceName = "shop", string serviceAccount = "catalog")
    {
        using var enrolment = new Enrolment(SettingsFor(token, namespaceName, serviceAccount), TimeProvider.System);
        return await enrolment.IssueAsync(null, TestContext.Current.CancellationToken);
    }

    /// <summary>One attempt by a certificate.</summary>
    public async Task<WorkloadIdentity> RenewAsync(WorkloadIdentity current, string serviceAccount = "catalog")
    {
        using var enrolment = new Enrolment(SettingsFor("", "shop", serviceAccount), TimeProvider.System);
        return await enrolment.IssueAsync(current, TestContext.Current.CancellationToken);
    }

    public MeshCaSource SourceFor(string token, ILogger<MeshCaSource>? logger = null) => new(SettingsFor(token), TimeProvider.System, logger ?? NullLogger<MeshCaSource>.Instance);

    public async ValueTask DisposeAsync()
    {
        await _application.DisposeAsync();
        Log.Dispose();
    }

    private sealed class EchoContent : ISnapshotContentSource
    {
        public Task<IReadOnlyList<SnapshotResources>> GetAsync(SpiffeId caller, string nodeId, IReadOnlyList<SubscribedResources> subscribed, CancellationToken cancellationToken)
            => Task.FromResult<IReadOnlyList<SnapshotResources>>([.. subscribed.Select(static asked => new SnapshotResources { TypeUrl = asked.TypeUrl, Missing = { asked.Names } })]);
    }
}
