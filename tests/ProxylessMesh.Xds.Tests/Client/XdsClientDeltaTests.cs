using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Protos;
using ProxylessMesh.Xds.Client;

namespace ProxylessMesh.Xds.Tests.Client;

public class XdsClientDeltaTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Watcher_hears_one_whole_config_after_four_kinds_of_resources()
    {
        await using var mesh = await XdsClientFixture.StartAsync();
        var updates = mesh.Watch("catalog");
        mesh.Client.Start();

        await XdsClientFixture.ServeAsync(await mesh.Server.NextStreamAsync(TestEnd), "catalog", "1", TestEnd);

        var ready = Assert.IsType<XdsUpdate<XdsConfig>.Ready>(await updates.ReadAsync(TestEnd));
        Assert.Equal("catalog", ready.Config.Name);
        Assert.Equal(8080, ready.Config.Clusters["orders"].Endpoints!.Localities[0].Endpoints[0].Address.Port);
        Assert.False(updates.TryRead(out _));
        Assert.True(mesh.Client.State.Connected);
    }

    [Fact]
    public async Task Node_is_in_the_first_request_only_and_each_response_is_acknowledged_by_its_nonce()
    {
        await using var mesh = await XdsClientFixture.StartAsync();
        mesh.Watch("catalog");
        mesh.Client.Start();
        var stream = await mesh.Server.NextStreamAsync(TestEnd);

        var first = await stream.NextRequestAsync(TestEnd);
        var nonce = await stream.SendAsync(XdsTypeUrls.Listener, "1", ("catalog", XdsResources.Listener()));
        var ack = await stream.NextRequestAsync(TestEnd);

        Assert.Equal("me", first.Node!.Id);
        Assert.Equal(["catalog"], first.Names);
        Assert.Equal((XdsTypeUrls.Listener, nonce, null, null), (ack.TypeUrl, ack.Nonce, ack.Error, ack.Node));
        Assert.Empty(ack.Names);
    }

    [Fact]
    public async Task Bad_resource_is_refused_with_its_field_and_the_good_ones_beside_it_are_used()
    {
        await using var mesh = await XdsClientFixture.StartAsync();
        mesh.Watch("bad");
        mesh.Watch("catalog");
        mesh.Client.Start();
        var stream = await mesh.Server.NextStreamAsync(TestEnd);
        var bad = XdsResources.Listener("bad", routeName: "");

        var nonce = await stream.SendAsync(XdsTypeUrls.Listener, "1", ("bad", bad), ("catalog", XdsResources.Listener()));

        var nack = await XdsClientFixture.AnswerAsync(stream, XdsTypeUrls.Listener, nonce, TestEnd);
        Assert.Contains("listeners[bad].api_listener.api_listener.rds.route_config_name is missing", nack.Error, StringComparison.Ordinal);
        var next = await XdsClientFixture.ExpectAsync(stream, XdsTypeUrls.RouteConfiguration, TestEnd);
        Assert.Equal(["routes"], next.Names);
    }

    [Fact]
    public async Task Last_good_value_stays_when_a_new_one_is_refused()
    {
        await using var mesh = await XdsClientFixture.StartAsync();
        var updates = mesh.Watch("catalog");
        mesh.Client.Start();
        var stream = await mesh.Server.NextStreamAsync(TestEnd);
        await XdsClientFixture.ServeAsync(stream, "catalog", "1", TestEnd);
        await updates.ReadAsync(TestEnd);
        var bad = XdsResources.Cluster();
        bad.OutlierDetection = new Envoy.Config.Cluster.V3.OutlierDetection { Interval = new Duration { Seconds = -1 } };

        var nonce = await stream.SendAsync(XdsTypeUrls.Cluster, "2", ("orders", bad));
        var nack = await XdsClientFixture.AnswerAsync(stream, XdsTypeUrls.Cluster, nonce, TestEnd);
        await stream.SendAsync(XdsTypeUrls.ClusterLoadAssignment, "2", ("orders", XdsResources.Endpoints(port: 9090)));

        Assert.Equal("clusters[orders].outlier_detection.interval = -1s; must be >= 0", nack.Error);
        var ready = Assert.IsType<XdsUpdate<XdsConfig>.Ready>(await updates.ReadAsync(TestEnd));
        Assert.NotNull(ready.Config.Clusters["orders"].Config);
        Assert.Equal(9090, ready.Config.Clusters["orders"].Endpoints!.Localities[0].Endpoints[0].Address.Port);
    }

    [Fact]
    public async Task Server_that_repeats_what_was_refused_gets_its_second_nack_only_after_a_wait()
    {
        await using var mesh = await XdsClientFixture.StartAsync();
        mesh.Watch("bad");
        mesh.Client.Start();
        var stream = await mesh.Server.NextStreamAsync(TestEnd);
        var first = await stream.SendAsync(XdsTypeUrls.Listener, "1", ("bad", XdsResources.Listener("bad", routeName: "")));
        await XdsClientFixture.AnswerAsync(stream, XdsTypeUrls.Listener, first, TestEnd);

        var second = await stream.SendAsync(XdsTypeUrls.Listener, "1", ("bad", XdsResources.Listener("bad", routeName: "")));
        var other = await stream.SendAsync("type.googleapis.com/example.Unknown", "1", ("x", new Empty()));
        var answer = await stream.NextRequestAsync(TestEnd);
        Assert.Equal(other, answer.Nonce);

        mesh.Time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(second, (await stream.NextRequestAsync(TestEnd)).Nonce);
    }

    [Fact]
    public async Task Reconnect_tells_the_versions_that_are_here_and_keeps_the_config()
    {
        await using var mesh = await XdsClientFixture.StartAsync();
        var updates = mesh.Watch("catalog");
        mesh.Client.Start();
        var stream = await mesh.Server.NextStreamAsync(TestEnd);
        await XdsClientFixture.ServeAsync(stream, "catalog", "7", TestEnd);
        await updates.ReadAsync(TestEnd);

        mesh.Time.Advance(TimeSpan.FromMinutes(1));
        stream.End();

        var again = await mesh.Server.NextStreamAsync(TestEnd);
        var first = await again.NextRequestAsync(TestEnd);
        Assert.NotNull(first.Node);
        Assert.Equal("7", first.InitialVersions["catalog"]);
        Assert.Equal("7", (await XdsClientFixture.ExpectAsync(again, XdsTypeUrls.ClusterLoadAssignment, TestEnd)).InitialVersions["orders"]);
        Assert.False(updates.TryRead(out _));
    }

    [Fact]
    public async Task Name_that_the_server_removes_is_missing_and_comes_back()
    {
        await using var mesh = await XdsClientFixture.StartAsync();
        var updates = mesh.Watch("catalog");
        mesh.Client.Start();
        var stream = await mesh.Server.NextStreamAsync(TestEnd);
        await stream.SendAsync(XdsTypeUrls.Listener, "1", ["catalog"], []);
        Assert.IsType<XdsUpdate<XdsConfig>.Missing>(await updates.ReadAsync(TestEnd));

        await XdsClientFixture.ServeAsync(stream, "catalog", "2", TestEnd);

        Assert.IsType<XdsUpdate<XdsConfig>.Ready>(await updates.ReadAsync(TestEnd));
    }

    [Fact]
    public async Task Name_that_the_server_says_nothing_about_is_missing_after_fifteen_seconds()
    {
        await using var mesh = await XdsClientFixture.StartAsync();
        var updates = mesh.Watch("nobody");
        mesh.Client.Start();
        var stream = await mesh.Server.NextStreamAsync(TestEnd);
        await stream.NextRequestAsync(TestEnd);
        await UntilAsync(mesh.Client, static state => state.Connected);

        mesh.Time.Advance(TimeSpan.FromSeconds(14));
        Assert.False(updates.TryRead(out _));
        mesh.Time.Advance(TimeSpan.FromSeconds(1));

        var missing = Assert.IsType<XdsUpdate<XdsConfig>.Missing>(await updates.ReadAsync(TestEnd));
        Assert.Contains("listener 'nobody'", missing.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Server_that_cannot_be_reached_is_told_at_once_and_the_config_follows_when_it_is_there()
    {
        await using var mesh = await XdsClientFixture.StartAsync();
        var port = mesh.Server.Address.Port;
        await mesh.Server.DisposeAsync();
        var updates = mesh.Watch("catalog");
        mesh.Client.Start();

        var failed = Assert.IsType<XdsUpdate<XdsConfig>.Failed>(await updates.ReadAsync(TestEnd));
        Assert.Contains($"127.0.0.1:{port}", failed.Reason, StringComparison.Ordinal);
        Assert.False(mesh.Client.State.Connected);

        await mesh.RestartServerAsync();
        mesh.Time.Advance(TimeSpan.FromSeconds(2));
        await XdsClientFixture.ServeAsync(await mesh.Server.NextStreamAsync(TestEnd), "catalog", "1", TestEnd);

        Assert.IsType<XdsUpdate<XdsConfig>.Ready>(await updates.ReadAsync(TestEnd));
    }

    [Fact]
    public async Task Slow_watcher_does_not_keep_the_stream_from_being_read()
    {
        using var release = new SemaphoreSlim(0);
        await using var mesh = await XdsClientFixture.StartAsync();
        mesh.Client.WatchTarget("slow", _ => release.Wait(TestEnd));
        mesh.Client.Start();
        var stream = await mesh.Server.NextStreamAsync(TestEnd);
        await stream.NextRequestAsync(TestEnd);
        await stream.SendAsync(XdsTypeUrls.Listener, "1", ["slow"], []);

        var nonce = await stream.SendAsync(XdsTypeUrls.Listener, "2", ("slow", XdsResources.Listener("slow")));

        Assert.Null((await XdsClientFixture.AnswerAsync(stream, XdsTypeUrls.Listener, nonce, TestEnd)).Error);
        release.Release(10);
    }

    [Fact]
    public async Task Disposed_watch_is_unsubscribed_with_all_that_it_led_to()
    {
        await using var mesh = await XdsClientFixture.StartAsync();
        var updates = mesh.Watch("catalog", out var watch);
        mesh.Client.Start();
        var stream = await mesh.Server.NextStreamAsync(TestEnd);
        await XdsClientFixture.ServeAsync(stream, "catalog", "1", TestEnd);
        await updates.ReadAsync(TestEnd);

        watch.Dispose();

        var gone = new List<string>();
        while (gone.Count < 4)
        {
            gone.AddRange((await stream.NextRequestAsync(TestEnd)).Unsubscribed);
        }

        Assert.Equal(["catalog", "orders", "orders", "routes"], gone.Order(StringComparer.Ordinal));
    }

    /// <summary>Waits for a state; each change of the state raises Changed, or a request is answered, so a short poll by the pool is enough.</summary>
    private static async Task UntilAsync(XdsClient client, Func<XdsClientState, bool> condition)
    {
        while (!condition(client.State))
        {
            TestEnd.ThrowIfCancellationRequested();
            await client.ExportAsync(TestEnd);
        }
    }
}
