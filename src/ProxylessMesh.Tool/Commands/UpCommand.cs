using System.CommandLine;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using ProxylessMesh.ControlPlane;
using ProxylessMesh.ControlPlane.Admin;
using ProxylessMesh.ControlPlane.Hosting;
using ProxylessMesh.Tool.Output;

namespace ProxylessMesh.Tool.Commands;

/// <summary><c>mesh up</c>: runs a control plane until Ctrl+C.</summary>
internal static class UpCommand
{
    private static readonly MeshControlPlaneOptions Defaults = new();

    private static readonly Option<string?> Manifests = new("--manifests") { Description = $"Folder of manifests, watched for changes. Default: '{Defaults.ManifestFolder}', made when it is missing." };
    private static readonly Option<string> State = new("--state") { Description = "Folder of the CA, tokens and revisions.", DefaultValueFactory = static _ => Defaults.StateFolder };
    private static readonly Option<string> Listen = new("--listen") { Description = "Address of the HTTPS port, ip:port.", DefaultValueFactory = static _ => Defaults.Listen };
    private static readonly Option<string> PlaintextXds = new("--plaintext-xds") { Description = "Address of a plaintext xDS port for gRPC clients that need one, on loopback. Default: none.", DefaultValueFactory = static _ => "" };
    private static readonly Option<string> TrustDomain = new("--trust-domain") { Description = "Trust domain of all identities.", DefaultValueFactory = static _ => Defaults.TrustDomain };
    private static readonly Option<string> WorkloadApi = new("--workload-api") { Description = "UNIX socket of the SPIFFE Workload API, unix:///path. Default: none.", DefaultValueFactory = static _ => "" };
    private static readonly Option<string> BundleEndpoint = new("--bundle-endpoint") { Description = "Address where other trust domains get our bundle, ip:port, proved by the control plane's SVID. Default: none.", DefaultValueFactory = static _ => "" };
    private static readonly Option<TimeSpan> SvidLifetime = new("--svid-lifetime") { Description = "Lifetime of workloads' certificates, hh:mm:ss.", DefaultValueFactory = static _ => Defaults.SvidLifetime };

    public static Command Create()
    {
        var command = new Command("up", "Run a control plane on this machine until Ctrl+C.") { Manifests, State, Listen, PlaintextXds, TrustDomain, SvidLifetime, WorkloadApi, BundleEndpoint };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.SetMinimumLevel(LogLevel.Warning).AddFilter("ProxylessMesh", LogLevel.Information).AddFilter("Microsoft.Extensions.Hosting", LogLevel.None).AddSimpleConsole(static console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "HH:mm:ss ";
            console.ColorBehavior = Console.IsOutputRedirected ? LoggerColorBehavior.Disabled : LoggerColorBehavior.Default;
        });
        builder.AddMeshControlPlane(options => Configure(options, parsed));
        using var host = builder.Build();
        await host.StartAsync(cancellationToken);
        await WelcomeAsync(host, cancellationToken);
        await host.WaitForShutdownAsync(cancellationToken);
        return ExitCodes.Ok;
    }

    private static void Configure(MeshControlPlaneOptions options, ParseResult parsed)
    {
        // The default folder is made, so that 'mesh up' in an empty folder just works; one that was named and is missing is a mistake.
        if (parsed.GetValue(Manifests) is { } manifests)
        {
            options.ManifestFolder = manifests;
        }
        else
        {
            Directory.CreateDirectory(options.ManifestFolder);
        }

        options.StateFolder = parsed.GetValue(State)!;
        options.Listen = parsed.GetValue(Listen)!;
        options.PlaintextXdsListen = parsed.GetValue(PlaintextXds)!;
        options.TrustDomain = parsed.GetValue(TrustDomain)!;
        options.SvidLifetime = parsed.GetValue(SvidLifetime);
        options.WorkloadApi = parsed.GetValue(WorkloadApi)!;
        options.Federation.Listen = parsed.GetValue(BundleEndpoint)!;
    }

    private static async Task WelcomeAsync(IHost host, CancellationToken cancellationToken)
    {
        var address = host.Services.GetRequiredService<MeshControlPlaneAddress>();
        var tokenFile = host.Services.GetRequiredService<ControlPlaneHost>().Services.GetRequiredService<OperatorToken>().Path;
        var options = host.Services.GetRequiredService<Microsoft.Extensions.Options.IOptions<MeshControlPlaneOptions>>().Value;
        Printer.Line("");
        Printer.Line($"  The mesh is up at {address.Https.GetLeftPart(UriPartial.Authority)}");
        Printer.Line($"  manifests         {Path.GetFullPath(options.ManifestFolder)}   (edit a file: it is in force within a second)");
        Printer.Line($"  operator's token  {tokenFile}");
        if (address.PlaintextXds is { } plaintext)
        {
            Printer.Line($"  plaintext xDS     {plaintext.Authority}");
        }

        if (address.BundleEndpoint is { } bundles)
        {
            Printer.Line($"  bundle endpoint   {bundles.GetLeftPart(UriPartial.Authority)}/");
        }

        if (options.WorkloadApi.Length > 0)
        {
            Printer.Line($"  workload API      SPIFFE_ENDPOINT_SOCKET={options.WorkloadApi}");
        }

        Printer.Line("");
        if (IsDevelopment(address))
        {
            await DevelopmentFile.WriteAsync(DevelopmentFile.DefaultPath, address.Https, tokenFile, host.Services.GetRequiredService<JoinTokens>(), host.Services.GetRequiredService<TimeProvider>(), cancellationToken);
            Printer.Line("  Add an app:       dotnet add package ProxylessMesh");
            Printer.Line("                    builder.AddMesh();            // in Program.cs");
            Printer.Line("                    dotnet run                    // in Development it finds this control plane by itself");
        }
        else
        {
            Printer.Line("  Add an app:       mesh token create --namespace NAMESPACE --service-account NAME");
            Printer.Line($"                    then set Mesh:ControlPlane to {address.Https.GetLeftPart(UriPartial.Authority)} and Mesh:JoinToken to the token");
        }

        Printer.Line("  Look at it:       mesh status");
        Printer.Line("  Stop it:          Ctrl+C");
        Printer.Line("");
    }

    // A control plane that other machines can reach, or that runs as Production, leaves no token for everything in anybody's home.
    private static bool IsDevelopment(MeshControlPlaneAddress address)
        => (Environment.GetEnvironmentVariable("DOTNET_ENVIRONMENT") ?? Environment.GetEnvironmentVariable("ASPNETCORE_ENVIRONMENT") ?? Environments.Development) == Environments.Development
            && IPAddress.TryParse(address.Https.Host.Trim('[', ']'), out var ip)
            && IPAddress.IsLoopback(ip);
}
