using ProxylessMesh.Protos;
using ProxylessMesh.Xds.Client;

namespace ProxylessMesh.Xds.Tests.Client;

public class XdsClientStateOfTheWorldTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Server_without_delta_is_asked_for_state_of_the_world_at_once()
    {
        await using var mesh = await XdsClientFixture.StartAsync(delta: false);
        var updates = mesh.Watch("catalog");
        mesh.Client.Start();

        var stream = await mesh.Server.NextStreamAsync(TestEnd);
        await XdsClientFixture.ServeAsync(stream, "catalog", "1", TestEnd);

        Assert.False(stream.IsDelta);
        Assert.IsType<XdsUpdate<XdsConfig>.Ready>(await updates.ReadAsync(TestEnd));
        Assert.Equal(AdsForm.StateOfTheWorld, mesh.Client.State.Form);
    }

    [Fact]
    public async Task Request_names_everything_and_repeats_version_and_nonce()
    {
        await using var mesh = await XdsClientFixture.StartAsync(with: static options => options with { Form = AdsForm.StateOfTheWorld });
        mesh.Watch("a");
        mesh.Client.Start();
        var stream = await mesh.Server.NextStreamAsync(TestEnd);
        await stream.NextRequestAsync(TestEnd);
        var nonce = await stream.SendAsync(XdsTypeUrls.Listener, "7", ("a", XdsResources.Listener("a")));
        await XdsClientFixture.AnswerAsync(stream, XdsTypeUrls.Listener, nonce, TestEnd);

        mesh.Watch("b");

        var request = await XdsClientFixture.ExpectAsync(stream, XdsTypeUrls.Listener, TestEnd);
        Assert.Equal(["a", "b"], request.Names.Order(StringComparer.Ordinal));
        Assert.Equal(("7", nonce), (request.Version, request.Nonce));
    }

    [Fact]
    public async Task Nack_repeats_the_last_accepted_version()
    {
        await using var mesh = await XdsClientFixture.StartAsync(with: static options => options with { Form = AdsForm.StateOfTheWorld });
        mesh.Watch("a");
        mesh.Client.Start();
        var stream = await mesh.Server.NextStreamAsync(TestEnd);
        await stream.SendAsync(XdsTypeUrls.Listener, "1", ("a", XdsResources.Listener("a")));

        var nonce = await stream.SendAsync(XdsTypeUrls.Listener, "2", ("a", XdsResources.Listener("a", routeName: "")));

        var nack = await XdsClientFixture.AnswerAsync(stream, XdsTypeUrls.Listener, nonce, TestEnd);
        Assert.Equal("1", nack.Version);
        Assert.NotNull(nack.Error);
    }

    [Fact]
    public async Task Listener_that_is_no_longer_in_a_response_is_missing()
    {
        await using var mesh = await XdsClientFixture.StartAsync(delta: false);
        var updates = mesh.Watch("catalog");
        mesh.Client.Start();
        var stream = await mesh.Server.NextStreamAsync(TestEnd);
        await XdsClientFixture.ServeAsync(stream, "catalog", "1", TestEnd);
        await updates.ReadAsync(TestEnd);

        await stream.SendAsync(XdsTypeUrls.Listener, "2");

        Assert.IsType<XdsUpdate<XdsConfig>.Missing>(await updates.ReadAsync(TestEnd));
    }

    [Fact]
    public async Task Deletion_is_ignored_where_the_server_feature_says_so()
    {
        await using var mesh = await XdsClientFixture.StartAsync(delta: false, with: static options => options with { IgnoreResourceDeletion = true });
        var updates = mesh.Watch("catalog");
        mesh.Client.Start();
        var stream = await mesh.Server.NextStreamAsync(TestEnd);
        await XdsClientFixture.ServeAsync(stream, "catalog", "1", TestEnd);
        await updates.ReadAsync(TestEnd);

        var nonce = await stream.SendAsync(XdsTypeUrls.Listener, "2");
        await XdsClientFixture.AnswerAsync(stream, XdsTypeUrls.Listener, nonce, TestEnd);

        Assert.False(updates.TryRead(out _));
    }

    [Fact]
    public async Task Refused_value_takes_the_last_good_one_along_where_the_server_feature_says_so()
    {
        await using var mesh = await XdsClientFixture.StartAsync(delta: false, with: static options => options with { FailOnDataErrors = true });
        var updates = mesh.Watch("catalog");
        mesh.Client.Start();
        var stream = await mesh.Server.NextStreamAsync(TestEnd);
        await XdsClientFixture.ServeAsync(stream, "catalog", "1", TestEnd);
        await updates.ReadAsync(TestEnd);

        await stream.SendAsync(XdsTypeUrls.Listener, "2", ("catalog", XdsResources.Listener("catalog", routeName: "")));

        var failed = Assert.IsType<XdsUpdate<XdsConfig>.Failed>(await updates.ReadAsync(TestEnd));
        Assert.Contains("route_config_name is missing", failed.Reason, StringComparison.Ordinal);
    }
}
