using Envoy.Config.Listener.V3;
using Envoy.Service.Discovery.V3;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ProxylessMesh.ControlPlane.Hosting;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Protos;
using ProxylessMesh.Protos.V1;

namespace ProxylessMesh.ControlPlane.Tests.Hosting;

/// <summary>The control plane over real sockets, TLS and gRPC.</summary>
public sealed class ControlPlaneHostTests
{
    private const string Catalog = "outbound|80||catalog.shop.svc.cluster.local";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact(Timeout = 60_000)]
    public async Task Workload_that_joins_is_an_endpoint_for_those_who_asked()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var stream = new TestDeltaStream(controlPlane.Connect("client"), "client-1");
        await stream.SubscribeAsync(XdsTypeUrls.Listener, "catalog");
        await stream.UntilAsync(() => stream.Missing.Contains("catalog"));

        using var join = await TestJoin.StartAsync(controlPlane.Connect("catalog"), TestControlPlane.Registration("catalog", "catalog-1", 5001));

        Assert.Equal("catalog.shop.svc.cluster.local", join.Registered!.Host);
        await stream.UntilAsync(() => stream.Resources.ContainsKey((XdsTypeUrls.Listener, "catalog")));
        var listener = Listener.Parser.ParseFrom(stream.Resources[(XdsTypeUrls.Listener, "catalog")].Resource_.Value);
        Assert.Equal("catalog", listener.Name);
        await stream.SubscribeAsync(XdsTypeUrls.ClusterLoadAssignment, Catalog);
        await stream.UntilAsync(() => stream.Endpoints(Catalog) is ["5001:Healthy"]);

        await join.LeaveAsync();
        await stream.UntilAsync(() => stream.Endpoints(Catalog).Count == 0);
    }

    [Fact(Timeout = 60_000)]
    public async Task Short_name_means_the_service_of_the_callers_own_namespace()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var join = await TestJoin.StartAsync(controlPlane.Connect("catalog"), TestControlPlane.Registration("catalog", "catalog-1"));
        using var stream = new TestDeltaStream(controlPlane.Connect("client", "bank"), "client-1");

        await stream.SubscribeAsync(XdsTypeUrls.Listener, "catalog", "catalog.shop");
        await stream.UntilAsync(() => stream.Missing.Contains("catalog") && stream.Resources.ContainsKey((XdsTypeUrls.Listener, "catalog.shop")));
    }

    [Fact(Timeout = 60_000)]
    public async Task Manifest_that_changes_on_disk_reaches_the_stream_and_a_bad_one_does_not()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var stream = new TestDeltaStream(controlPlane.Connect("client"), "client-1");
        await stream.SubscribeAsync(XdsTypeUrls.Listener, "catalog", "pricing");
        await stream.UntilAsync(() => stream.Missing.Count == 2);

        controlPlane.WriteManifest("a.yaml", Service("catalog"));
        await stream.UntilAsync(() => !stream.Missing.Contains("catalog"));
        controlPlane.WriteManifest("a.yaml", "kind: [");
        await controlPlane.Log.WaitForAsync("The last good version stays in force. a.yaml", TestEnd);
        controlPlane.WriteManifest("b.yaml", Service("pricing"));
        await stream.UntilAsync(() => !stream.Missing.Contains("pricing"));

        Assert.Contains((XdsTypeUrls.Listener, "catalog"), stream.Resources.Keys);
    }

    [Fact(Timeout = 60_000)]
    public async Task Drain_is_done_when_every_subscriber_has_taken_it()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var join = await TestJoin.StartAsync(controlPlane.Connect("catalog"), TestControlPlane.Registration("catalog", "catalog-1", 5001));
        using var quick = new TestDeltaStream(controlPlane.Connect("client"), "client-1");
        using var slow = new TestDeltaStream(controlPlane.Connect("client"), "client-2");
        foreach (var stream in new[] { quick, slow })
        {
            await stream.SubscribeAsync(XdsTypeUrls.ClusterLoadAssignment, Catalog);
            await stream.UntilAsync(() => stream.Endpoints(Catalog) is ["5001:Healthy"]);
        }

        await join.SendAsync(new JoinRequest { Drain = new DrainNotice() });
        await quick.UntilAsync(() => quick.Endpoints(Catalog) is ["5001:Draining"]);
        var unanswered = await slow.ReadAsync();
        var progress = await ReadUntilAsync(join, static progress => progress.Taken == 1);
        Assert.Equal(2u, progress.Subscribers);
        Assert.False(progress.Done);

        await slow.AckAsync(unanswered);
        progress = await ReadUntilAsync(join, static progress => progress.Done);
        Assert.Equal((2u, 2u), (progress.Taken, progress.Subscribers));
    }

    [Fact(Timeout = 60_000)]
    public async Task Drain_without_subscribers_is_done_at_once()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var join = await TestJoin.StartAsync(controlPlane.Connect("catalog"), TestControlPlane.Registration("catalog", "catalog-1"));

        await join.SendAsync(new JoinRequest { Drain = new DrainNotice() });

        Assert.True((await join.ReadAsync()).DrainProgress.Done);
    }

    [Fact(Timeout = 60_000)]
    public async Task Restart_keeps_the_endpoints_of_workloads_that_are_on_their_way_back()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var one = await TestJoin.StartAsync(controlPlane.Connect("catalog"), TestControlPlane.Registration("catalog", "catalog-1", 5001));
        using var two = await TestJoin.StartAsync(controlPlane.Connect("catalog"), TestControlPlane.Registration("catalog", "catalog-2", 5002));

        await controlPlane.StopAsync();
        await controlPlane.StartAgainAsync();

        using var stream = new TestDeltaStream(controlPlane.Connect("client"), "client-1");
        await stream.SubscribeAsync(XdsTypeUrls.ClusterLoadAssignment, Catalog);
        await stream.UntilAsync(() => stream.Endpoints(Catalog).Count > 0);
        Assert.Equal(["5001:Healthy", "5002:Healthy"], stream.Endpoints(Catalog));
    }

    [Fact(Timeout = 60_000)]
    public async Task Broken_stream_keeps_the_workload_for_the_grace_period()
    {
        await using var controlPlane = await TestControlPlane.StartAsync(static options => options.WorkloadGracePeriod = TimeSpan.FromMinutes(1));
        var join = await TestJoin.StartAsync(controlPlane.Connect("catalog"), TestControlPlane.Registration("catalog", "catalog-1"));

        join.Dispose();
        await controlPlane.Log.WaitForAsync("lost its stream", TestEnd);

        Assert.Single(controlPlane.Workloads.Current.ByInstance);
    }

    [Fact(Timeout = 60_000)]
    public async Task Registration_for_another_identity_is_refused()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();

        var refusal = await Assert.ThrowsAsync<RpcException>(() => TestJoin.StartAsync(controlPlane.Connect("intruder"), TestControlPlane.Registration("catalog", "catalog-1")));

        Assert.Equal(StatusCode.PermissionDenied, refusal.StatusCode);
        Assert.Empty(controlPlane.Workloads.Current.ByInstance);
    }

    [Fact(Timeout = 60_000)]
    public async Task Node_id_of_another_identitys_workload_is_refused()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var join = await TestJoin.StartAsync(controlPlane.Connect("catalog"), TestControlPlane.Registration("catalog", "catalog-1"));
        using var stream = new TestDeltaStream(controlPlane.Connect("intruder"), "catalog-1");

        await stream.SubscribeAsync(XdsTypeUrls.Listener, "proxylessmesh/inbound/127.0.0.1:5000");

        Assert.Equal(StatusCode.PermissionDenied, await stream.EndAsync());
    }

    [Fact(Timeout = 60_000)]
    public async Task Inbound_listener_is_for_the_workload_itself()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var join = await TestJoin.StartAsync(controlPlane.Connect("catalog"), TestControlPlane.Registration("catalog", "catalog-1"));
        const string Name = "proxylessmesh/inbound/127.0.0.1:5000";
        using var own = new TestDeltaStream(controlPlane.Connect("catalog"), "catalog-1");
        using var other = new TestDeltaStream(controlPlane.Connect("catalog"), "catalog-2");

        await own.SubscribeAsync(XdsTypeUrls.Listener, Name);
        await own.UntilAsync(() => own.Resources.ContainsKey((XdsTypeUrls.Listener, Name)));
        await other.SubscribeAsync(XdsTypeUrls.Listener, Name);
        await other.UntilAsync(() => other.Missing.Contains(Name));
    }

    [Fact(Timeout = 60_000)]
    public async Task Stream_without_a_certificate_is_refused()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var http = new HttpClientHandler { ServerCertificateCustomValidationCallback = static (_, _, _, _) => true };
        using var channel = global::Grpc.Net.Client.GrpcChannel.ForAddress(controlPlane.Address.Https, new() { HttpHandler = http });
        using var stream = new TestDeltaStream(channel, "nobody");

        Assert.Equal(StatusCode.Unauthenticated, await stream.EndAsync());
        var refusal = await Assert.ThrowsAsync<RpcException>(() => TestJoin.StartAsync(channel, TestControlPlane.Registration("catalog", "catalog-1")));
        Assert.Equal(StatusCode.Unauthenticated, refusal.StatusCode);
    }

    [Fact(Timeout = 60_000)]
    public async Task Plaintext_port_serves_state_of_the_world_and_nothing_else()
    {
        await using var controlPlane = await TestControlPlane.StartAsync(static options => options.PlaintextXdsListen = "127.0.0.1:0");
        using var join = await TestJoin.StartAsync(controlPlane.Connect("catalog"), TestControlPlane.Registration("catalog", "catalog-1"));
        var channel = controlPlane.ConnectPlaintext();
        using var call = new AggregatedDiscoveryService.AggregatedDiscoveryServiceClient(channel).StreamAggregatedResources(cancellationToken: TestEnd);

        await call.RequestStream.WriteAsync(new DiscoveryRequest { TypeUrl = XdsTypeUrls.Cluster, ResourceNames = { Catalog } }, TestEnd);

        // A registration is answered before the snapshot that has it is in force: the first answer may be an empty state.
        var response = await NextAsync();
        while (response.Resources.Count == 0)
        {
            await call.RequestStream.WriteAsync(new DiscoveryRequest { TypeUrl = XdsTypeUrls.Cluster, ResourceNames = { Catalog }, VersionInfo = response.VersionInfo, ResponseNonce = response.Nonce }, TestEnd);
            response = await NextAsync();
        }

        Assert.Equal(XdsTypeUrls.Cluster, response.TypeUrl);
        Assert.Single(response.Resources);
        var refusal = await Assert.ThrowsAsync<RpcException>(() => TestJoin.StartAsync(channel, TestControlPlane.Registration("catalog", "catalog-2")));
        Assert.Equal(StatusCode.Unimplemented, refusal.StatusCode);

        async Task<DiscoveryResponse> NextAsync()
        {
            Assert.True(await call.ResponseStream.MoveNext(TestEnd));
            return call.ResponseStream.Current;
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task Two_hundred_changes_reach_a_slow_client_as_their_latest_state_and_others_at_once()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        var lease = Join(controlPlane, 0);
        using var slow = new TestDeltaStream(controlPlane.Connect("client"), "client-1");
        using var quick = new TestDeltaStream(controlPlane.Connect("client"), "client-2");
        await slow.SubscribeAsync(XdsTypeUrls.ClusterLoadAssignment, Catalog);
        await quick.SubscribeAsync(XdsTypeUrls.ClusterLoadAssignment, Catalog);
        await quick.UntilAsync(() => quick.Endpoints(Catalog).Count == 1);
        var first = await slow.ReadAsync();

        for (var i = 1; i <= 200; i++)
        {
            lease = Join(controlPlane, i);
        }

        await quick.UntilAsync(() => quick.Endpoints(Catalog) is ["5200:Healthy"]);
        await slow.AckAsync(first);
        var second = await slow.ReadAsync();

        Assert.Equal(["5200:Healthy"], slow.Endpoints(Catalog));
        Assert.NotEqual(first.Nonce, second.Nonce);
        Assert.InRange(controlPlane.Snapshots.Current.Number, 2, 100);
        lease.Leave();
    }

    [Fact(Timeout = 60_000)]
    public async Task Hostile_requests_end_neither_the_stream_nor_the_server()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        using var stream = new TestDeltaStream(controlPlane.Connect("client"), "client-1");
        var giant = new string('x', 1_000_000);
        var sentinel = UntilMissingAsync(stream, "sentinel");
        for (var i = 0; i < 30; i++)
        {
            await stream.SendAsync(new DeltaDiscoveryRequest { TypeUrl = $"type{i}", ResponseNonce = "no such nonce", ResourceNamesSubscribe = { "a" } });
        }

        await stream.SendAsync(new DeltaDiscoveryRequest { TypeUrl = giant, ResourceNamesSubscribe = { giant } });
        await stream.SendAsync(new DeltaDiscoveryRequest { TypeUrl = XdsTypeUrls.Cluster, ErrorDetail = new Google.Rpc.Status { Message = giant }, ResourceNamesUnsubscribe = { "*", giant, "" } });
        await stream.SendAsync(new DeltaDiscoveryRequest { TypeUrl = XdsTypeUrls.Cluster, ResourceNamesSubscribe = { Enumerable.Range(0, 30_000).Select(static i => $"n{i}") } });
        await stream.SubscribeAsync(XdsTypeUrls.Listener, "catalog:99999", ":", "catalog:80:80", "[::1", "*.shop", "proxylessmesh/inbound/", "proxylessmesh/inbound/999.1.1.1:0", "sentinel");

        await sentinel;
    }

    [Fact]
    public async Task Adding_the_control_plane_twice_adds_one()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.AddMeshControlPlane(static options => options.Listen = "127.0.0.1:0").AddMeshControlPlane(static options => options.TrustDomain = "twice.test");

        Assert.Single(builder.Services, static service => service.ServiceType == typeof(ControlPlaneHost));
        Assert.Single(builder.Services, static service => service.ServiceType == typeof(IHostedService) && service.ImplementationFactory is not null);
        await Task.CompletedTask;
    }

    [Fact(Timeout = 60_000)]
    public async Task Port_in_use_is_one_clear_error()
    {
        await using var first = await TestControlPlane.StartAsync();

        var error = await Assert.ThrowsAsync<MeshControlPlaneException>(() => TestControlPlane.StartAsync(options => options.Listen = first.Address.Https.Authority));

        Assert.Contains("--listen", error.Message, StringComparison.Ordinal);
    }

    private static string Service(string name) => $"apiVersion: v1\nkind: Service\nmetadata: {{ name: {name}, namespace: shop }}\nspec: {{ ports: [{{ name: http, port: 80 }}] }}\n";

    // The same instance on another port each time: one change of one endpoint.
    private static WorkloadLease Join(TestControlPlane controlPlane, int number)
    {
        var registration = TestControlPlane.Registration("catalog", "catalog-1", 5000 + number);
        Assert.True(controlPlane.Workloads.TryJoin(RegistrationValidator.Check(registration, Spiffe.SpiffeId.Parse("spiffe://mesh.local/ns/shop/sa/catalog"), Manifests.ManifestSet.Empty), out var lease));
        return lease;
    }

    // Without an answer to anything.
    private static async Task UntilMissingAsync(TestDeltaStream stream, string name)
    {
        while (!stream.Missing.Contains(name))
        {
            await stream.ReadAsync();
        }
    }

    private static async Task<DrainProgress> ReadUntilAsync(TestJoin join, Func<DrainProgress, bool> holds)
    {
        while (true)
        {
            var progress = (await join.ReadAsync().WaitAsync(Patience, TimeProvider.System, TestEnd)).DrainProgress;
            if (holds(progress))
            {
                return progress;
            }
        }
    }
}
