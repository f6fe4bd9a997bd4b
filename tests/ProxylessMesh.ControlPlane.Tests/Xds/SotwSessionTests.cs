using Envoy.Service.Discovery.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Protos;
using Status = Google.Rpc.Status;

namespace ProxylessMesh.ControlPlane.Tests.Xds;

public sealed class SotwSessionTests
{
    private readonly SotwSession _session = new(static _ => Snapshots.Node, static _ => Snapshots.Lookup, "test", default);

    [Fact]
    public void Clusters_come_whole_and_a_missing_one_is_left_out()
    {
        var snapshot = Snapshots.Of(1, clusters: "a=1 b=1");

        Ask(XdsTypeUrls.Cluster, null, "a", "b", "nowhere");

        Assert.Equal(["1", "1"], Contents(_session.Next(snapshot)));
        Assert.Null(_session.Next(snapshot));
    }

    [Fact]
    public void Listener_that_is_not_there_is_answered_with_an_empty_list()
    {
        Ask(XdsTypeUrls.Listener, null, "nowhere");

        Assert.Empty(_session.Next(Snapshots.Of(1))!.Resources);
    }

    [Fact]
    public void Endpoints_that_are_not_there_are_not_answered()
    {
        Ask(XdsTypeUrls.ClusterLoadAssignment, null, "nowhere");

        Assert.Null(_session.Next(Snapshots.Of(1)));
    }

    [Fact]
    public void Of_endpoints_only_what_changed_is_sent_and_of_clusters_all()
    {
        Ask(XdsTypeUrls.Cluster, null, "a", "b");
        Ask(XdsTypeUrls.ClusterLoadAssignment, null, "a", "b");
        var first = Snapshots.Of(1, clusters: "a=1 b=1", endpoints: "a=1 b=1");
        var clusters = _session.Next(first)!;
        var endpoints = _session.Next(first)!;
        Ask(XdsTypeUrls.Cluster, clusters, "a", "b");
        Ask(XdsTypeUrls.ClusterLoadAssignment, endpoints, "a", "b");

        var second = Snapshots.Of(2, clusters: "a=1 b=2", endpoints: "a=1 b=2");

        Assert.Equal(["1", "2"], Contents(_session.Next(second)));
        Assert.Equal(["2"], Contents(_session.Next(second)));
    }

    [Fact]
    public void Cluster_that_is_gone_is_left_out_of_the_next_response()
    {
        Ask(XdsTypeUrls.Cluster, null, "a", "b");
        var response = _session.Next(Snapshots.Of(1, clusters: "a=1 b=1"))!;
        Ask(XdsTypeUrls.Cluster, response, "a", "b");

        Assert.Equal(["1"], Contents(_session.Next(Snapshots.Of(2, clusters: "a=1"))));
    }

    [Fact]
    public void Cluster_that_is_gone_stays_until_the_routes_without_it_are_taken()
    {
        Ask(XdsTypeUrls.RouteConfiguration, null, "r");
        Ask(XdsTypeUrls.Cluster, null, "a", "b");
        var first = Snapshots.Of(1, routes: "r=b", clusters: "a=1 b=1");
        Ask(XdsTypeUrls.Cluster, _session.Next(first)!, "a", "b");
        Ask(XdsTypeUrls.RouteConfiguration, _session.Next(first)!, "r");
        Assert.Null(_session.Next(first));
        var second = Snapshots.Of(2, routes: "r=a", clusters: "a=1");

        var route = _session.Next(second)!;
        Assert.Equal(XdsTypeUrls.RouteConfiguration, route.TypeUrl);
        Assert.Null(_session.Next(second));
        Ask(XdsTypeUrls.RouteConfiguration, route, "r");

        Assert.Equal(["1"], Contents(_session.Next(second)));
    }

    [Fact]
    public void Reconnect_with_the_version_in_force_costs_no_bytes()
    {
        var snapshot = Snapshots.Of(1, clusters: "a=1 b=1");
        Ask(XdsTypeUrls.Cluster, null, "a", "b", "nowhere");
        var version = _session.Next(snapshot)!.VersionInfo;
        var again = new SotwSession(static _ => Snapshots.Node, static _ => Snapshots.Lookup, "test", default);

        again.Handle(new DiscoveryRequest { TypeUrl = XdsTypeUrls.Cluster, VersionInfo = version, ResourceNames = { "a", "b", "nowhere" } });

        Assert.Null(again.Next(snapshot));
        Assert.NotNull(again.Next(Snapshots.Of(2, clusters: "a=1 b=2")));
    }

    [Fact]
    public void Reconnect_that_asks_for_one_more_is_answered()
    {
        var snapshot = Snapshots.Of(1, clusters: "a=1");
        Ask(XdsTypeUrls.Cluster, null, "a");
        var version = _session.Next(snapshot)!.VersionInfo;
        var again = new SotwSession(static _ => Snapshots.Node, static _ => Snapshots.Lookup, "test", default);

        again.Handle(new DiscoveryRequest { TypeUrl = XdsTypeUrls.Cluster, VersionInfo = version, ResourceNames = { "a", "nowhere" } });

        Assert.NotNull(again.Next(snapshot));
    }

    [Fact]
    public void Refusal_that_asks_for_a_new_name_is_answered_with_it()
    {
        var snapshot = Snapshots.Of(1, endpoints: "a=1 b=1");
        Ask(XdsTypeUrls.ClusterLoadAssignment, null, "a");
        var response = _session.Next(snapshot)!;

        _session.Handle(new DiscoveryRequest { TypeUrl = response.TypeUrl, ResponseNonce = response.Nonce, ErrorDetail = new Status { Code = 3, Message = "no" }, ResourceNames = { "a", "b" } });

        Assert.Equal(["1"], Contents(_session.Next(snapshot)));
        Assert.Equal("no", Assert.Single(_session.Status().Types).Nack);
        Assert.Null(_session.Next(Snapshots.Of(2, endpoints: "a=1 b=1")));
    }

    [Fact]
    public void Stale_answer_changes_nothing()
    {
        var snapshot = Snapshots.Of(1, clusters: "a=1 b=1");
        Ask(XdsTypeUrls.Cluster, null, "a");
        var first = _session.Next(snapshot)!;
        Ask(XdsTypeUrls.Cluster, first, "a", "b");
        Assert.NotNull(_session.Next(snapshot));

        Ask(XdsTypeUrls.Cluster, first);

        Assert.Equal(2, Assert.Single(_session.Status().Types).Subscribed);
        Assert.True(Assert.Single(_session.Status().Types).IsPending);
    }

    [Fact]
    public void Slow_client_gets_the_latest_state_once()
    {
        Ask(XdsTypeUrls.Cluster, null, "a");
        var response = _session.Next(Snapshots.Of(1, clusters: "a=1"))!;
        for (var i = 2; i < 200; i++)
        {
            Assert.Null(_session.Next(Snapshots.Of(i, clusters: $"a={i}")));
        }

        Ask(XdsTypeUrls.Cluster, response, "a");
        var last = Snapshots.Of(200, clusters: "a=200");

        Assert.Equal(["200"], Contents(_session.Next(last)));
        Assert.Null(_session.Next(last));
    }

    private static IEnumerable<string> Contents(DiscoveryResponse? response)
        => Assert.IsType<DiscoveryResponse>(response).Resources.Select(static any => StringValue.Parser.ParseFrom(any.Value).Value).Order();

    private void Ask(string typeUrl, DiscoveryResponse? answered, params string[] names)
        => _session.Handle(new DiscoveryRequest { TypeUrl = typeUrl, VersionInfo = answered?.VersionInfo ?? "", ResponseNonce = answered?.Nonce ?? "", ResourceNames = { names } });
}
