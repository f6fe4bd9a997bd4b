using System.Net;
using System.Net.Sockets;
using Envoy.Config.Cluster.V3;
using Envoy.Config.Endpoint.V3;
using Envoy.Config.Route.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Protos;
using ProxylessMesh.TestSupport;
using ProxylessMesh.Xds.Client;
using AggregateConfig = Envoy.Extensions.Clusters.Aggregate.V3.ClusterConfig;
using Discovery = Envoy.Config.Cluster.V3.Cluster.Types.DiscoveryType;

namespace ProxylessMesh.Xds.Tests.Client;

/// <summary>What a target waits for: mirrors, aggregates (gRFC A37), names of DNS clusters, and only the virtual host in force.</summary>
public class XdsClientDependencyTests
{
    private readonly Dictionary<string, Func<IPAddress[]>> _names = new(StringComparer.Ordinal);

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Cluster_of_a_mirror_comes_with_those_of_the_routes()
    {
        var routes = XdsResources.Routes();
        routes.VirtualHosts[0].Routes[0].Route_.RequestMirrorPolicies.Add(new RouteAction.Types.RequestMirrorPolicy { Cluster = "shadow" });

        var ready = await ReadyAsync(routes, Static("orders"), Static("shadow"));

        Assert.Equal(["orders", "shadow"], ready.Clusters.Keys.Order());
    }

    [Fact]
    public async Task Clusters_of_another_virtual_host_keep_nobody_waiting()
    {
        var routes = XdsResources.Routes();
        routes.VirtualHosts.Add(new VirtualHost { Name = "other", Domains = { "other" }, Routes = { XdsResources.RouteTo("never-sent") } });

        var ready = await ReadyAsync(routes, Static("orders"));

        Assert.Equal(["orders"], ready.Clusters.Keys);
    }

    [Fact]
    public async Task A_cluster_that_does_not_come_fails_alone_and_only_after_a_moment()
    {
        await using var fixture = await XdsClientFixture.StartAsync();
        fixture.Client.Start();
        var updates = fixture.Watch("orders");
        var stream = await fixture.Server.NextStreamAsync(TestEnd);
        var routes = XdsResources.Routes();
        routes.VirtualHosts[0].Routes.Insert(0, XdsResources.RouteTo("late"));
        await XdsClientFixture.ExpectAsync(stream, XdsTypeUrls.Listener, TestEnd);
        await stream.SendAsync(XdsTypeUrls.Listener, "1", ("orders", XdsResources.Listener("orders")));
        await XdsClientFixture.ExpectAsync(stream, XdsTypeUrls.RouteConfiguration, TestEnd);
        await stream.SendAsync(XdsTypeUrls.RouteConfiguration, "1", ("routes", routes));
        await XdsClientFixture.ExpectAsync(stream, XdsTypeUrls.Cluster, TestEnd);
        var nonce = await stream.SendAsync(XdsTypeUrls.Cluster, "1", ("orders", Static("orders")));
        await XdsClientFixture.AnswerAsync(stream, XdsTypeUrls.Cluster, nonce, TestEnd);
        Assert.False(updates.TryRead(out _));

        fixture.Time.Advance(TimeSpan.FromSeconds(1));
        var part = Assert.IsType<XdsUpdate<XdsConfig>.Ready>(await updates.ReadAsync(TestEnd)).Config;
        Assert.Null(part.Clusters["orders"].Error);
        Assert.Contains("has not spoken about the cluster 'late' yet", part.Clusters["late"].Error, StringComparison.Ordinal);

        await stream.SendAsync(XdsTypeUrls.Cluster, "2", ("late", Static("late")));
        var whole = Assert.IsType<XdsUpdate<XdsConfig>.Ready>(await updates.ReadAsync(TestEnd)).Config;
        Assert.Null(whole.Clusters["late"].Error);
    }

    [Fact]
    public async Task Aggregate_brings_every_cluster_underneath_once_and_in_order()
    {
        var ready = await ReadyAsync(
            XdsResources.Routes("routes", "top"),
            Aggregate("top", "first", "middle", "first"),
            Aggregate("middle", "second", "top", "first", "third"),
            Static("first"),
            Static("second"),
            Static("third"));

        Assert.Equal(["first", "second", "third"], ready.Clusters["top"].Leaves);
        Assert.Equal(["second", "first", "third"], ready.Clusters["middle"].Leaves);
        Assert.Equal(["first", "middle", "second", "third", "top"], ready.Clusters.Keys.Order());
        Assert.Null(ready.Clusters["top"].Error);
    }

    [Fact]
    public async Task Aggregate_of_nothing_but_itself_is_an_error_of_its_calls()
    {
        var ready = await ReadyAsync(XdsResources.Routes("routes", "loop"), Aggregate("loop", "loop"));

        Assert.Contains("no cluster underneath", ready.Clusters["loop"].Error, StringComparison.Ordinal);
        Assert.Empty(ready.Clusters["loop"].Leaves);
    }

    [Theory]
    [InlineData(15, false)]
    [InlineData(16, true)]
    public async Task Aggregates_are_followed_sixteen_deep(int aggregates, bool tooDeep)
    {
        var chain = Enumerable.Range(0, aggregates).Select(static i => Aggregate($"a{i}", $"a{i + 1}"));

        var ready = await ReadyAsync(XdsResources.Routes("routes", "a0"), [.. chain, Static($"a{aggregates}")]);

        Assert.Equal(tooDeep, ready.Clusters["a0"].Error?.Contains("deep", StringComparison.Ordinal) ?? false);
        Assert.Equal(tooDeep ? [] : [$"a{aggregates}"], ready.Clusters["a0"].Leaves);
    }

    [Fact]
    public async Task Each_address_of_a_strict_name_is_an_endpoint_and_a_logical_name_is_one()
    {
        _names["a.example"] = static () => [IPAddress.Parse("10.0.0.1"), IPAddress.Parse("fd00::1"), IPAddress.Parse("fd00::2")];

        var ready = await ReadyAsync(XdsResources.Routes("routes", "strict", "logical"), Dns("strict", Discovery.StrictDns, "a.example"), Dns("logical", Discovery.LogicalDns, "a.example"));

        Assert.Equal(["[fd00::1]:443", "[fd00::2]:443"], Addresses(ready, "strict"));
        var logical = Assert.Single(ready.Clusters["logical"].Endpoints!.Localities[0].Endpoints);
        Assert.Equal("[fd00::1]:443", logical.Address.ToString());
        Assert.Equal(["[fd00::2]:443", "10.0.0.1:443"], logical.AdditionalAddresses.Select(static address => address.ToString()));
        Assert.Equal("a.example", logical.Hostname);
    }

    [Theory]
    [InlineData(Cluster.Types.DnsLookupFamily.Auto, "[fd00::1]:443")]
    [InlineData(Cluster.Types.DnsLookupFamily.V4Only, "10.0.0.1:443")]
    [InlineData(Cluster.Types.DnsLookupFamily.V6Only, "[fd00::1]:443")]
    [InlineData(Cluster.Types.DnsLookupFamily.V4Preferred, "10.0.0.1:443")]
    [InlineData(Cluster.Types.DnsLookupFamily.All, "[fd00::1]:443 10.0.0.1:443")]
    internal async Task Family_chooses_among_the_addresses(Cluster.Types.DnsLookupFamily family, string expected)
    {
        _names["a.example"] = static () => [IPAddress.Parse("10.0.0.1"), IPAddress.Parse("fd00::1")];
        var cluster = Dns("dns", Discovery.StrictDns, "a.example");
        cluster.DnsLookupFamily = family;

        var ready = await ReadyAsync(XdsResources.Routes("routes", "dns"), cluster);

        Assert.Equal(expected.Split(' '), Addresses(ready, "dns"));
    }

    [Fact]
    public async Task Name_that_does_not_resolve_is_only_missing_from_the_rest()
    {
        _names["a.example"] = static () => [IPAddress.Parse("10.0.0.1")];

        var ready = await ReadyAsync(XdsResources.Routes("routes", "dns", "gone"), Dns("dns", Discovery.StrictDns, "nowhere", "a.example"), Dns("gone", Discovery.StrictDns, "nowhere"));

        Assert.Equal(["10.0.0.1:443"], Addresses(ready, "dns"));
        Assert.Contains("'nowhere' does not resolve", ready.Clusters["gone"].Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_are_resolved_again_and_what_was_found_outlives_a_failure()
    {
        var (address, failures) = ("10.0.0.1", 0);
        _names["a.example"] = () => address.Length > 0 ? [IPAddress.Parse(address)] : throw Failed(ref failures);
        await using var mesh = await StartAsync();
        var updates = mesh.Watch("catalog");
        await ServeAsync(mesh, XdsResources.Routes("routes", "dns"), [Dns("dns", Discovery.StrictDns, "a.example")]);
        var first = Ready(await updates.ReadAsync(TestEnd));

        address = "";
        await AdvanceUntilAsync(mesh, () => Volatile.Read(ref failures) > 1);
        Assert.False(updates.TryRead(out _));
        address = "10.0.0.2";
        XdsUpdate<XdsConfig>? second = null;
        await AdvanceUntilAsync(mesh, () => updates.TryRead(out second));

        Assert.Equal(["10.0.0.1:443"], Addresses(first, "dns"));
        Assert.Equal(["10.0.0.2:443"], Addresses(Ready(second!), "dns"));
    }

    [Fact]
    public async Task Name_that_nobody_needs_any_more_is_not_resolved_again()
    {
        var (first, second) = (0, 0);
        _names["a.example"] = () => Counted(ref first);
        _names["b.example"] = () => Counted(ref second);
        await using var mesh = await StartAsync();
        var updates = mesh.Watch("catalog");
        var stream = await ServeAsync(mesh, XdsResources.Routes("routes", "dns"), [Dns("dns", Discovery.StrictDns, "a.example")]);
        await updates.ReadAsync(TestEnd);

        await stream.SendAsync(XdsTypeUrls.Cluster, "2", ("dns", Dns("dns", Discovery.StrictDns, "b.example")));
        await updates.ReadAsync(TestEnd);
        await AdvanceUntilAsync(mesh, () => Volatile.Read(ref second) > 2);

        Assert.Equal(1, first);
    }

    [Fact]
    public async Task Answers_in_another_order_are_no_news()
    {
        var turn = 0;
        IPAddress[] both = [IPAddress.Parse("10.0.0.1"), IPAddress.Parse("10.0.0.2")];
        _names["a.example"] = () => Interlocked.Increment(ref turn) switch { 1 => both, < 5 => [both[1], both[0]], _ => [both[1]] };
        await using var mesh = await StartAsync();
        var updates = mesh.Watch("catalog");
        await ServeAsync(mesh, XdsResources.Routes("routes", "dns"), [Dns("dns", Discovery.StrictDns, "a.example")]);
        await updates.ReadAsync(TestEnd);

        XdsUpdate<XdsConfig>? next = null;
        await AdvanceUntilAsync(mesh, () => updates.TryRead(out next));

        Assert.Equal(["10.0.0.2:443"], Addresses(Ready(next!), "dns"));
    }

    private async Task<XdsConfig> ReadyAsync(RouteConfiguration routes, params Cluster[] clusters)
    {
        await using var mesh = await StartAsync();
        var updates = mesh.Watch("catalog");
        await ServeAsync(mesh, routes, clusters);
        return Ready(await updates.ReadAsync(TestEnd));
    }

    private Task<XdsClientFixture> StartAsync() => XdsClientFixture.StartAsync(with: options => options with
    {
        ResolveHost = (host, _) => _names.TryGetValue(host, out var addresses)
            ? Task.FromResult(addresses())
            : Task.FromException<IPAddress[]>(new SocketException((int)SocketError.HostNotFound)),
    });

    private static async Task<FakeXdsStream> ServeAsync(XdsClientFixture mesh, RouteConfiguration routes, Cluster[] clusters)
    {
        mesh.Client.Start();
        var stream = await mesh.Server.NextStreamAsync(TestEnd);
        await stream.SendAsync(XdsTypeUrls.Listener, "1", ("catalog", XdsResources.Listener()));
        await stream.SendAsync(XdsTypeUrls.RouteConfiguration, "1", ("routes", routes));
        var asked = new HashSet<string>();
        while (asked.Count < clusters.Length)
        {
            var request = await XdsClientFixture.ExpectAsync(stream, XdsTypeUrls.Cluster, TestEnd);
            asked.UnionWith(request.Names);
            await stream.SendAsync(XdsTypeUrls.Cluster, "1", [.. clusters.Where(cluster => request.Names.Contains(cluster.Name)).Select(static cluster => (cluster.Name, (IMessage)cluster))]);
        }

        return stream;
    }

    /// <summary>Lets refresh intervals pass: the timer of the next is set only after an answer was taken in.</summary>
    private static async Task AdvanceUntilAsync(XdsClientFixture mesh, Func<bool> isReached)
    {
        while (!isReached())
        {
            mesh.Time.Advance(TimeSpan.FromSeconds(5));
            await mesh.Client.ExportAsync(TestEnd); // one more turn of the client's loop
        }
    }

    private static SocketException Failed(ref int failures)
    {
        Interlocked.Increment(ref failures);
        return new SocketException((int)SocketError.HostNotFound);
    }

    private static IPAddress[] Counted(ref int count)
    {
        Interlocked.Increment(ref count);
        return [IPAddress.Parse("10.0.0.1")];
    }

    private static XdsConfig Ready(XdsUpdate<XdsConfig> update) => Assert.IsType<XdsUpdate<XdsConfig>.Ready>(update).Config;

    private static IEnumerable<string> Addresses(XdsConfig config, string cluster)
        => config.Clusters[cluster].Endpoints!.Localities.SelectMany(static locality => locality.Endpoints).Select(static endpoint => endpoint.Address.ToString());

    private static Cluster Static(string name) => new() { Name = name, Type = Discovery.Static, LoadAssignment = XdsResources.Endpoints(name) };

    private static Cluster Aggregate(string name, params string[] underlying)
        => new() { Name = name, LbPolicy = Cluster.Types.LbPolicy.ClusterProvided, ClusterType = new() { Name = "envoy.clusters.aggregate", TypedConfig = Any.Pack(new AggregateConfig { Clusters = { underlying } }) } };

    private static Cluster Dns(string name, Discovery type, params string[] hosts) => new()
    {
        Name = name,
        Type = type,
        LoadAssignment = new ClusterLoadAssignment
        {
            ClusterName = name,
            Endpoints = { new LocalityLbEndpoints { LbEndpoints = { hosts.Select(static host => new LbEndpoint { Endpoint = new() { Address = XdsResources.Address(host, 443) } }) } } },
        },
    };
}
