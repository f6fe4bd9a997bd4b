using Google.Protobuf;
using ProxylessMesh.Protos;
using ProxylessMesh.Xds.Client;

namespace ProxylessMesh.Xds.Tests.Client;

/// <summary>Import and export of the last known good, and how dependencies fit together.</summary>
public class XdsClientSnapshotTests
{
    private static readonly XdsCacheContent Snapshot = new()
    {
        Present =
        [
            Resource(XdsTypeUrls.Listener, "catalog", XdsResources.Listener()),
            Resource(XdsTypeUrls.RouteConfiguration, "routes", XdsResources.Routes()),
            Resource(XdsTypeUrls.Cluster, "orders", XdsResources.Cluster()),
            Resource(XdsTypeUrls.ClusterLoadAssignment, "orders", XdsResources.Endpoints()),
        ],
        Missing = [new ResourceKey(XdsTypeUrls.Listener, "nobody")],
    };

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Imported_config_is_used_before_any_server_is_there()
    {
        await using var mesh = await XdsClientFixture.StartAsync();
        mesh.Client.Import(Snapshot);

        var ready = Assert.IsType<XdsUpdate<XdsConfig>.Ready>(await mesh.Watch("catalog").ReadAsync(TestEnd));
        var missing = await mesh.Watch("nobody").ReadAsync(TestEnd);

        Assert.Equal(8080, ready.Config.Clusters["orders"].Endpoints!.Localities[0].Endpoints[0].Address.Port);
        Assert.IsType<XdsUpdate<XdsConfig>.Missing>(missing);
    }

    [Fact]
    public async Task Versions_of_what_was_imported_are_told_to_the_server()
    {
        await using var mesh = await XdsClientFixture.StartAsync();
        mesh.Client.Import(Snapshot);
        await mesh.Watch("catalog").ReadAsync(TestEnd);

        mesh.Client.Start();

        var stream = await mesh.Server.NextStreamAsync(TestEnd);
        var request = await XdsClientFixture.ExpectAsync(stream, XdsTypeUrls.Cluster, TestEnd);
        Assert.Equal("from-file", request.InitialVersions["orders"]);
    }

    [Fact]
    public async Task Export_gives_back_what_is_used_byte_for_byte()
    {
        await using var mesh = await XdsClientFixture.StartAsync();
        var updates = mesh.Watch("catalog");
        var missing = mesh.Watch("nobody");
        mesh.Client.Start();
        var stream = await mesh.Server.NextStreamAsync(TestEnd);
        await XdsClientFixture.ServeAsync(stream, "catalog", "3", TestEnd);
        await updates.ReadAsync(TestEnd);
        await stream.SendAsync(XdsTypeUrls.Listener, "4", ["nobody"], []);
        await missing.ReadAsync(TestEnd);

        var content = await mesh.Client.ExportAsync(TestEnd);

        Assert.Equal(4, content.Present.Length);
        Assert.Contains(new CachedResource(new ResourceKey(XdsTypeUrls.Cluster, "orders"), "3", XdsResources.Cluster().ToByteString()), content.Present);
        Assert.Equal([new ResourceKey(XdsTypeUrls.Listener, "nobody")], content.Missing);
    }

    [Fact]
    public async Task Broken_import_is_left_out_and_the_rest_is_used()
    {
        await using var mesh = await XdsClientFixture.StartAsync();
        var broken = new CachedResource(new ResourceKey(XdsTypeUrls.Cluster, "orders"), "1", ByteString.CopyFrom(0xff, 0xff));
        mesh.Client.Import(Snapshot with { Present = [.. Snapshot.Present.Where(static resource => resource.Key.TypeUrl == XdsTypeUrls.Listener), broken] });
        var updates = mesh.Watch("catalog");

        var content = await mesh.Client.ExportAsync(TestEnd);

        Assert.Equal(["catalog"], content.Present.Select(static resource => resource.Key.Name));
        Assert.False(updates.TryRead(out _));
        Assert.Contains(mesh.Logs.Entries, static entry => entry.Message.Contains("'orders' of the snapshot was left out", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Missing_cluster_does_not_hold_up_the_others_of_its_routes()
    {
        await using var mesh = await XdsClientFixture.StartAsync();
        var updates = mesh.Watch("catalog");
        mesh.Client.Start();
        var stream = await mesh.Server.NextStreamAsync(TestEnd);
        await stream.SendAsync(XdsTypeUrls.Listener, "1", ("catalog", XdsResources.Listener()));
        await stream.SendAsync(XdsTypeUrls.RouteConfiguration, "1", ("routes", XdsResources.Routes("routes", "orders", "gone")));
        await XdsClientFixture.ExpectAsync(stream, XdsTypeUrls.Cluster, TestEnd);
        await stream.SendAsync(XdsTypeUrls.Cluster, "1", ["gone"], [("orders", Google.Protobuf.WellKnownTypes.Any.Pack(XdsResources.Cluster()))]);
        await XdsClientFixture.ExpectAsync(stream, XdsTypeUrls.ClusterLoadAssignment, TestEnd);
        await stream.SendAsync(XdsTypeUrls.ClusterLoadAssignment, "1", ("orders", XdsResources.Endpoints()));

        var ready = Assert.IsType<XdsUpdate<XdsConfig>.Ready>(await updates.ReadAsync(TestEnd));

        Assert.Null(ready.Config.Clusters["orders"].Error);
        Assert.Contains("no cluster 'gone'", ready.Config.Clusters["gone"].Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Old_config_stays_until_the_new_routes_have_their_clusters()
    {
        await using var mesh = await XdsClientFixture.StartAsync();
        var updates = mesh.Watch("catalog");
        mesh.Client.Start();
        var stream = await mesh.Server.NextStreamAsync(TestEnd);
        await XdsClientFixture.ServeAsync(stream, "catalog", "1", TestEnd);
        await updates.ReadAsync(TestEnd);

        await stream.SendAsync(XdsTypeUrls.RouteConfiguration, "2", ("routes", XdsResources.Routes("routes", "payments")));
        var request = await XdsClientFixture.ExpectAsync(stream, XdsTypeUrls.Cluster, TestEnd);
        Assert.Equal(["payments"], request.Names);
        Assert.Empty(request.Unsubscribed);
        Assert.False(updates.TryRead(out _));
        await stream.SendAsync(XdsTypeUrls.Cluster, "2", ("payments", XdsResources.Cluster("payments")));
        await XdsClientFixture.ExpectAsync(stream, XdsTypeUrls.ClusterLoadAssignment, TestEnd);
        await stream.SendAsync(XdsTypeUrls.ClusterLoadAssignment, "2", ("payments", XdsResources.Endpoints("payments")));

        var ready = Assert.IsType<XdsUpdate<XdsConfig>.Ready>(await updates.ReadAsync(TestEnd));
        Assert.Equal(["payments"], ready.Config.Clusters.Keys);
    }

    [Fact]
    public async Task Inbound_listener_comes_with_the_routes_of_its_filter_chains()
    {
        await using var mesh = await XdsClientFixture.StartAsync();
        var heard = new TaskCompletionSource<XdsUpdate<InboundConfig>>(TaskCreationOptions.RunContinuationsAsynchronously);
        mesh.Client.WatchInbound("inbound", update => heard.TrySetResult(update));
        mesh.Client.Start();
        var stream = await mesh.Server.NextStreamAsync(TestEnd);
        await stream.SendAsync(XdsTypeUrls.Listener, "1", ("inbound", XdsResources.ServerListener("inbound", XdsResources.Chain(XdsResources.Hcm()))));
        await XdsClientFixture.ExpectAsync(stream, XdsTypeUrls.RouteConfiguration, TestEnd);
        await stream.SendAsync(XdsTypeUrls.RouteConfiguration, "1", ("routes", XdsResources.Routes()));

        var ready = Assert.IsType<XdsUpdate<InboundConfig>.Ready>(await heard.Task.WaitAsync(TestEnd));

        Assert.Equal("host", ready.Config.Listener.FilterChains[0].Http.InlineRoutes!.VirtualHosts[0].Name);
    }

    private static CachedResource Resource(string typeUrl, string name, IMessage message) => new(new ResourceKey(typeUrl, name), "from-file", message.ToByteString());
}
