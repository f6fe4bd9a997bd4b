using System.Globalization;
using System.Text.Json;
using Grpc.Net.Client;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ProxylessMesh.EndToEnd.Tests;
using ProxylessMesh.Interop.Tests.Processes;
using ProxylessMesh.Interop.Tests.Protos;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.Interop.Tests;

/// <summary>Our data plane takes its config from go-control-plane and calls gRPC-Go servers. Alone, as the bootstrap is a variable of the process.</summary>
[CollectionDefinition(DisableParallelization = true)]
public class BootstrapVariable;

/// <inheritdoc cref="BootstrapVariable"/>
[Collection(typeof(BootstrapVariable))]
public class ForeignControlPlaneTests
{
    private const string Variable = "GRPC_XDS_BOOTSTRAP_CONFIG";
    private const int Calls = 1000;

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    private static string Resources(int portA, int portB) => $$"""
        resources:
        - "@type": type.googleapis.com/envoy.config.listener.v3.Listener
          name: echo
          api_listener:
            api_listener:
              "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
              rds: { route_config_name: echo-routes, config_source: { ads: {} } }
              http_filters: [{ name: router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }]
        - "@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
          name: echo-routes
          virtual_hosts:
          - name: echo
            domains: ["*"]
            routes:
            - match: { prefix: "" }
              route: { weighted_clusters: { clusters: [{ name: a, weight: 80 }, { name: b, weight: 20 }] } }
        {{Cluster("a", portA)}}
        {{Cluster("b", portB)}}
        """;

    private static string Cluster(string name, int port) => $$"""
        - { "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster, name: {{name}}, type: EDS, eds_cluster_config: { eds_config: { ads: {} } } }
        - "@type": type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment
          cluster_name: {{name}}
          endpoints: [{ locality: { region: r }, load_balancing_weight: 1, lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: {{port}} } } } }] }]
        """;

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task Calls_are_split_over_gRPC_Go_servers_as_go_control_plane_asks()
    {
        var (xdsPort, portA, portB) = (FreePort.Next(), FreePort.Next(), FreePort.Next());
        var folder = Directory.CreateTempSubdirectory("mesh-interop-");
        var file = Path.Combine(folder.FullName, "resources.yaml");
        await File.WriteAllTextAsync(file, Resources(portA, portB), TestEnd);
        await using var xds = await PeerProcess.ServeAsync("xds-server", xdsPort, ["-addr", $"127.0.0.1:{xdsPort}", "-resources", file], TestEnd);
        await using var serverA = await PeerProcess.ServeAsync("grpc-server", portA, ["-addr", $"127.0.0.1:{portA}", "-name", "a"], TestEnd);
        await using var serverB = await PeerProcess.ServeAsync("grpc-server", portB, ["-addr", $"127.0.0.1:{portB}", "-name", "b"], TestEnd);
        using var logs = new LogGuard();
        using var host = await StartClientAsync(xdsPort, logs);
        using var channel = GrpcChannel.ForAddress("http://echo", new GrpcChannelOptions { HttpHandler = host.Services.GetRequiredService<MeshHttpHandlerFactory>().Create(), DisposeHttpClient = true });
        var client = new TestService.TestServiceClient(channel);
        var backends = new Dictionary<string, int>();

        for (var i = 0; i < Calls; i++)
        {
            var answer = await client.UnaryCallAsync(new SimpleRequest { FillServerId = true }, deadline: TimeProvider.System.GetUtcNow().UtcDateTime.AddSeconds(20), cancellationToken: TestEnd);
            backends[answer.ServerId] = backends.GetValueOrDefault(answer.ServerId) + 1;
        }

        var report = new CallReport { Calls = Calls, Ok = backends.Values.Sum(), Backends = backends }.Complete();
        report.HasShare("a", 0.8);
        report.HasShare("b", 0.2);
        Assert.DoesNotContain("\"event\":\"nack\"", xds.Log, StringComparison.Ordinal);
        await host.StopAsync(TestEnd);
        folder.Delete(recursive: true);
    }

    private static async Task<IHost> StartClientAsync(int xdsPort, LogGuard logs)
    {
        Environment.SetEnvironmentVariable(Variable, JsonSerializer.Serialize(new
        {
            xds_servers = new[] { new { server_uri = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{xdsPort}"), channel_creds = new[] { new { type = "insecure" } } } },
            node = new { id = "proxylessmesh-interop" },
        }));
        try
        {
            var builder = Host.CreateEmptyApplicationBuilder(null);
            builder.Logging.AddProvider(logs);
            builder.AddMeshClient(options => options.Service = "interop");
            var host = builder.Build();
            await host.StartAsync(TestEnd);
            return host;
        }
        finally
        {
            Environment.SetEnvironmentVariable(Variable, null);
        }
    }
}
