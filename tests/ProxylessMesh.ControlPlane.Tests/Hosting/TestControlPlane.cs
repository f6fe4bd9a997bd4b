using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Net.Client;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.ControlPlane.Hosting;
using ProxylessMesh.ControlPlane.Tests.Translation;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.ControlPlane.Tests.Hosting;

/// <summary>A whole control plane on loopback with folders of its own; clients come with identities that its CA signed.</summary>
internal sealed class TestControlPlane : IAsyncDisposable
{
    private readonly Action<MeshControlPlaneOptions>? _configure;
    private readonly List<IDisposable> _channels = [];
    private IHost? _host;

    private TestControlPlane(Action<MeshControlPlaneOptions>? configure) => _configure = configure;

    public DirectoryInfo Folder { get; } = Directory.CreateTempSubdirectory("mesh-control-plane-");

    public LogGuard Log { get; } = new(LogLevel.Debug);

    public MeshControlPlaneAddress Address => _host!.Services.GetRequiredService<MeshControlPlaneAddress>();

    public IServiceProvider Parts => _host!.Services.GetRequiredService<ControlPlaneHost>().Services;

    public WorkloadRegistry Workloads => Parts.GetRequiredService<WorkloadRegistry>();

    public SnapshotSource Snapshots => Parts.GetRequiredService<SnapshotSource>();

    public string ManifestFolder => Path.Combine(Folder.FullName, "manifests");

    public static async Task<TestControlPlane> StartAsync(Action<MeshControlPlaneOptions>? configure = null)
    {
        var controlPlane = new TestControlPlane(configure);
        Directory.CreateDirectory(controlPlane.ManifestFolder);
        await controlPlane.StartAgainAsync();
        return controlPlane;
    }

    public async Task StartAgainAsync()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.SetMinimumLevel(LogLevel.Debug).AddProvider(Log);
        builder.AddMeshControlPlane(options =>
        {
            options.Listen = "127.0.0.1:0";
            options.ManifestFolder = ManifestFolder;
            options.StateFolder = Path.Combine(Folder.FullName, "state");
            _configure?.Invoke(options);
        });
        _host = builder.Build();
        await _host.StartAsync(TestContext.Current.CancellationToken);
    }

    public async Task StopAsync()
    {
        if (_host is { } host)
        {
            _host = null;
            await host.StopAsync(TestContext.Current.CancellationToken);
            await ((IAsyncDisposable)host).DisposeAsync();
        }
    }

    public void WriteManifest(string name, string text)
    {
        var temporary = Path.Combine(Folder.FullName, name);
        File.WriteAllText(temporary, text);
        File.Move(temporary, Path.Combine(ManifestFolder, name), overwrite: true);
    }

    public WorkloadIdentity Identity(string serviceAccount, string namespaceName = "shop")
    {
        var authority = Parts.GetRequiredService<CertificateAuthority>();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var id = SpiffeId.ForServiceAccount(Given.TrustDomain, namespaceName, serviceAccount);
        using var leaf = authority.Issue(id, new PublicKey(key), TimeSpan.FromHours(1));
        return new WorkloadIdentity(id, leaf.CopyWithPrivateKey(key), [], new TrustBundleSet([authority.Bundle]));
    }

    public GrpcChannel Connect(string serviceAccount, string namespaceName = "shop")
    {
        var channel = new ControlPlaneChannel(Address.Https, new TestIdentitySource(Identity(serviceAccount, namespaceName)));
        _channels.Add(channel);
        return channel.Channel;
    }

    public GrpcChannel ConnectPlaintext()
    {
        var channel = GrpcChannel.ForAddress(Address.PlaintextXds!);
        _channels.Add(channel);
        return channel;
    }

    /// <summary>A registration that the certificate of <paramref name="service"/> covers.</summary>
    public static Registration Registration(string service, string instance, int port = 5000, string namespaceName = "shop") => new()
    {
        InstanceId = instance,
        Service = service,
        Namespace = namespaceName,
        ServiceAccount = service,
        Addresses = { "127.0.0.1" },
        Ports = { new WorkloadPort { Name = "http", Number = (uint)port, AppProtocol = "http", MeshTls = true } },
        Health = Health.Serving,
    };

    public async ValueTask DisposeAsync()
    {
        _channels.ForEach(static channel => channel.Dispose());
        await StopAsync();
        Folder.Delete(recursive: true);
        Log.Dispose();
    }
}
