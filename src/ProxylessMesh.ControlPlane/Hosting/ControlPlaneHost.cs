using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ProxylessMesh.ControlPlane.Admin;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.ControlPlane.Ca.Doors;
using ProxylessMesh.ControlPlane.Federation;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.ControlPlane.Xds;

namespace ProxylessMesh.ControlPlane.Hosting;

/// <summary>
/// Runs the control plane as a web application of its own inside the app that embeds it: own listeners, own services, own middleware.
/// Nothing of it answers on the app's listeners, and nothing that the app does to its Kestrel or its middleware reaches it.
/// </summary>
internal sealed partial class ControlPlaneHost : IHostedService, IAsyncDisposable
{
    private readonly WebApplication _application;
    private readonly MeshControlPlaneAddress _address;
    private readonly MeshControlPlaneOptions _options;
    private readonly ILogger _logger;

    public ControlPlaneHost(IOptions<MeshControlPlaneOptions> options, MeshControlPlaneAddress address, TimeProvider time, ILoggerFactory loggers)
    {
        _options = options.Value;
        _address = address;
        _logger = loggers.CreateLogger<ControlPlaneHost>();
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton<ILoggerFactory>(new EmbeddedLogging(loggers)).AddSingleton(typeof(ILogger<>), typeof(Logger<>)).AddSingleton(options).AddSingleton(time).AddSingleton(address);
        builder.Services.AddSingleton<IHostLifetime, EmbeddedLifetime>();
        // All streams end at once when it stops; this is for connections of clients that do not read.
        builder.Services.Configure<HostOptions>(static host => host.ShutdownTimeout = TimeSpan.FromSeconds(2));
        builder.Services.AddControlPlaneParts();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(Listen);
        _application = builder.Build();
        Map(_application);
    }

    /// <summary>The control plane's own services.</summary>
    public IServiceProvider Services => _application.Services;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        // Before anything that writes there: it makes and locks the folder.
        Services.GetRequiredService<StateFolder>();
        Services.GetRequiredService<OperatorToken>();
        try
        {
            await _application.StartAsync(cancellationToken);
        }
        catch (IOException exception) when (exception.InnerException is AddressInUseException)
        {
            throw new MeshControlPlaneException($"The control plane cannot listen on {_options.Listen}{(_options.PlaintextXdsListen.Length > 0 ? $" and {_options.PlaintextXdsListen}" : "")}: the address is in use. Stop what listens there, or choose another with MeshControlPlane:Listen (mesh up --listen).", exception);
        }

        // In the order of Listen; a UNIX socket has no URI.
        var addresses = Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses
            .Where(static address => !address.StartsWith("http://unix:", StringComparison.Ordinal)).Select(static address => new Uri(address)).ToList();
        var https = addresses.FindAll(static uri => uri.Scheme == Uri.UriSchemeHttps);
        _address.Set(https[0], addresses.Find(static uri => uri.Scheme == Uri.UriSchemeHttp), https.ElementAtOrDefault(1));
        if (WorkloadApiSocket.TryParse(_options.WorkloadApi, out var socket))
        {
            WorkloadApiSocket.Open(socket);
            LogWorkloadApi(socket);
        }

        LogListening(_address.Https, _options.ManifestFolder, _options.StateFolder);
    }

    public Task StopAsync(CancellationToken cancellationToken) => _application.StopAsync(cancellationToken);

    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private void Listen(WebHostBuilderContext context, KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(20);
        kestrel.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(10);
        if (MeshControlPlaneOptionsValidator.TryParseAddress(_options.Listen, out var address))
        {
            kestrel.Listen(address, listen => listen.UseMeshTls(kestrel.ApplicationServices.GetRequiredService<ControlPlaneIdentitySource>()));
        }

        if (MeshControlPlaneOptionsValidator.TryParseAddress(_options.PlaintextXdsListen, out var plaintext))
        {
            kestrel.Listen(plaintext, static listen => listen.Protocols = HttpProtocols.Http2);
        }

        if (MeshControlPlaneOptionsValidator.TryParseAddress(_options.Federation.Listen, out var bundles))
        {
            kestrel.ListenBundleEndpoint(bundles, _options.Federation);
        }

        if (WorkloadApiSocket.TryParse(_options.WorkloadApi, out var socket))
        {
            kestrel.ListenWorkloadApi(socket);
        }
    }

    private static void Map(WebApplication application)
    {
        application.Use(static (http, next) =>
        {
            if (BundleEndpoint.IsOf(http))
            {
                return BundleEndpoint.AnswerAsync(http);
            }

            if (IsServed(http))
            {
                return next(http);
            }

            http.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        });
        application.MapGrpcService<AdsService>();
        application.MapGrpcService<WorkloadService>();
        application.MapMeshCa();
        application.MapGrpcService<WorkloadApiService>();
        application.MapAdminApi();
    }

    // The Workload API is there on its socket alone, and the socket for nothing else; the plaintext port is for ADS.
    private static bool IsServed(HttpContext http)
    {
        var isLocal = http.Features.Get<LocalConnection>() is not null;
        return isLocal == http.Request.Path.StartsWithSegments(WorkloadApiSocket.Service, StringComparison.Ordinal)
            && (isLocal || http.Request.IsHttps || http.Request.Path.StartsWithSegments("/envoy.service.discovery.v3.AggregatedDiscoveryService", StringComparison.Ordinal));
    }

    [LoggerMessage(6000, LogLevel.Information, "The control plane listens on {Address}. Manifests: {ManifestFolder}; state: {StateFolder}.")]
    private partial void LogListening(Uri address, string manifestFolder, string stateFolder);

    [LoggerMessage(6001, LogLevel.Information, "The SPIFFE Workload API listens on {Path}.")]
    private partial void LogWorkloadApi(string path);

    /// <summary>The app that embeds the control plane decides when it starts and stops; Ctrl+C is not for this host.</summary>
    private sealed class EmbeddedLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
