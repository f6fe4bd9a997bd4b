using Envoy.Service.Discovery.V3;
using Google.Rpc;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Protos;

namespace ProxylessMesh.ControlPlane.Tests.Xds;

public sealed class DeltaSessionTests
{
    private readonly DeltaSession _session = new(static _ => Snapshots.Node, static _ => Snapshots.Lookup, "test", default);

    [Fact]
    public void New_name_is_answered_and_not_sent_again()
    {
        var snapshot = Snapshots.Of(1, clusters: "a=1 b=1");
        Subscribe(XdsTypeUrls.Cluster, "a");

        var response = _session.Next(snapshot);

        Assert.Equal(["a"], Names(response));
        Ack(response!);
        Assert.Null(_session.Next(snapshot));
    }

    [Fact]
    public void Missing_name_is_told_at_once_and_only_once()
    {
        var snapshot = Snapshots.Of(1);
        Subscribe(XdsTypeUrls.Listener, "nowhere");

        var response = _session.Next(snapshot);

        Assert.Equal(["nowhere"], response!.RemovedResources);
        Ack(response);
        Assert.Null(_session.Next(Snapshots.Of(2)));
    }

    [Fact]
    public void Only_what_changed_is_sent()
    {
        Subscribe(XdsTypeUrls.Cluster, "a", "b");
        Ack(_session.Next(Snapshots.Of(1, clusters: "a=1 b=1"))!);

        var response = _session.Next(Snapshots.Of(2, clusters: "a=1 b=2"));

        Assert.Equal(["b"], Names(response));
    }

    [Fact]
    public void Changes_while_an_answer_is_awaited_go_together_as_their_latest_state()
    {
        Subscribe(XdsTypeUrls.Cluster, "a");
        var first = _session.Next(Snapshots.Of(1, clusters: "a=1"))!;
        Assert.Null(_session.Next(Snapshots.Of(2, clusters: "a=2")));
        Assert.Null(_session.Next(Snapshots.Of(3, clusters: "a=3")));

        Ack(first);
        var response = _session.Next(Snapshots.Of(4, clusters: "a=4"));

        Assert.Equal(Snapshots.Of(4, clusters: "a=4").Clusters["a"].Version, Assert.Single(response!.Resources).Version);
    }

    [Fact]
    public void New_name_is_answered_although_another_answer_is_awaited()
    {
        var snapshot = Snapshots.Of(1, clusters: "a=1 b=1");
        Subscribe(XdsTypeUrls.Cluster, "a");
        Assert.NotNull(_session.Next(snapshot));

        Subscribe(XdsTypeUrls.Cluster, "b");

        Assert.Equal(["b"], Names(_session.Next(snapshot)));
    }

    [Fact]
    public void Reconnect_that_is_up_to_date_costs_no_bytes()
    {
        var snapshot = Snapshots.Of(1, clusters: "a=1 b=1");
        var request = new DeltaDiscoveryRequest { TypeUrl = XdsTypeUrls.Cluster, ResourceNamesSubscribe = { "a", "b" } };
        request.InitialResourceVersions.Add("a", snapshot.Clusters["a"].Version);
        request.InitialResourceVersions.Add("b", snapshot.Clusters["b"].Version);

        _session.Handle(request);

        Assert.Null(_session.Next(snapshot));
        Assert.Equal(1, Assert.Single(_session.Status().Types).Snapshot);
    }

    [Fact]
    public void Reconnect_gets_what_changed_and_hears_what_is_gone()
    {
        var request = new DeltaDiscoveryRequest { TypeUrl = XdsTypeUrls.Cluster, ResourceNamesSubscribe = { "a", "b" } };
        request.InitialResourceVersions.Add("a", "old");
        request.InitialResourceVersions.Add("b", "old");

        _session.Handle(request);
        var response = _session.Next(Snapshots.Of(1, clusters: "a=1"))!;

        Assert.Equal(["a"], Names(response));
        Assert.Equal(["b"], response.RemovedResources);
    }

    [Fact]
    public void Name_that_is_subscribed_again_is_sent_again()
    {
        var snapshot = Snapshots.Of(1, clusters: "a=1");
        Subscribe(XdsTypeUrls.Cluster, "a");
        Ack(_session.Next(snapshot)!);

        Subscribe(XdsTypeUrls.Cluster, "a");

        Assert.Equal(["a"], Names(_session.Next(snapshot)));
    }

    [Fact]
    public void Refused_resource_is_kept_with_the_reason_and_sent_again_only_when_it_changed()
    {
        Subscribe(XdsTypeUrls.Cluster, "a");
        var response = _session.Next(Snapshots.Of(1, clusters: "a=1"))!;

        _session.Handle(new DeltaDiscoveryRequest { TypeUrl = response.TypeUrl, ResponseNonce = response.Nonce, ErrorDetail = new Status { Code = 3, Message = "clusters[a].type is odd" } });

        Assert.Null(_session.Next(Snapshots.Of(2, clusters: "a=1")));
        Assert.Equal("clusters[a].type is odd", Assert.Single(_session.Status().Types).Nack);
        var next = _session.Next(Snapshots.Of(3, clusters: "a=2"))!;
        Assert.Equal(["a"], Names(next));
        Ack(next);
        Assert.Null(Assert.Single(_session.Status().Types).Nack);
    }

    [Fact]
    public void Clusters_go_out_before_the_routes_that_need_them_and_away_after_the_routes_that_no_longer_do()
    {
        Subscribe(XdsTypeUrls.RouteConfiguration, "r");
        Subscribe(XdsTypeUrls.Cluster, "old", "new");
        var before = Snapshots.Of(1, routes: "r=old", clusters: "old=1");
        Ack(_session.Next(before)!);
        Ack(_session.Next(before)!);
        Assert.Null(_session.Next(before));
        var after = Snapshots.Of(2, routes: "r=new", clusters: "new=1");

        var added = _session.Next(after)!;
        var route = _session.Next(after)!;
        Assert.Null(_session.Next(after));
        Ack(added);
        Assert.Null(_session.Next(after));
        Ack(route);
        var removed = _session.Next(after)!;

        Assert.Equal(["new"], Names(added));
        Assert.Empty(added.RemovedResources);
        Assert.Equal(["r"], Names(route));
        Assert.Equal(["old"], removed.RemovedResources);
    }

    [Fact]
    public void Wildcard_gets_everything_and_hears_what_is_gone()
    {
        Subscribe(XdsTypeUrls.Cluster);
        var response = _session.Next(Snapshots.Of(1, clusters: "a=1 b=1"))!;
        Assert.Equal(["a", "b"], Names(response));
        Ack(response);

        Assert.Equal(["b"], _session.Next(Snapshots.Of(2, clusters: "a=1"))!.RemovedResources);
    }

    [Fact]
    public void Large_state_goes_in_several_responses()
    {
        var large = string.Join(' ', Enumerable.Range(0, 5).Select(static i => $"c{i}={new string('x', 600_000)}"));
        var snapshot = Snapshots.Of(1, clusters: large);
        Subscribe(XdsTypeUrls.Cluster, "c0", "c1", "c2", "c3", "c4");
        var names = new List<string>();

        for (var response = _session.Next(snapshot); response is not null; response = _session.Next(snapshot))
        {
            Assert.InRange(response.CalculateSize(), 1, 2 * 1024 * 1024);
            names.AddRange(Names(response));
            Ack(response);
        }

        Assert.Equal(["c0", "c1", "c2", "c3", "c4"], names.Order());
    }

    [Fact]
    public void Unsubscribed_name_is_sent_no_more()
    {
        Subscribe(XdsTypeUrls.Cluster, "a");
        Ack(_session.Next(Snapshots.Of(1, clusters: "a=1"))!);

        _session.Handle(new DeltaDiscoveryRequest { TypeUrl = XdsTypeUrls.Cluster, ResourceNamesUnsubscribe = { "a" } });

        Assert.Null(_session.Next(Snapshots.Of(2, clusters: "a=2")));
    }

    [Fact]
    public void Names_beyond_the_limits_are_answered_as_missing()
    {
        var snapshot = Snapshots.Of(1, clusters: "a=1");
        var giant = new string('x', 100_000);
        Subscribe(XdsTypeUrls.Cluster, ["a", giant, "", .. Enumerable.Range(0, 20_000).Select(static i => $"n{i}")]);

        var response = _session.Next(snapshot)!;

        Assert.Equal(["a"], Names(response));
        Assert.Contains(giant, response.RemovedResources);
        Assert.Equal(10_000, Assert.Single(_session.Status().Types).Subscribed);
    }

    [Fact]
    public void Unknown_types_and_nonces_do_no_harm()
    {
        var snapshot = Snapshots.Of(1, clusters: "a=1");
        for (var i = 0; i < 100; i++)
        {
            _session.Handle(new DeltaDiscoveryRequest { TypeUrl = $"type.googleapis.com/unknown.Type{i}", ResponseNonce = "never sent", ResourceNamesSubscribe = { "x" } });
        }

        _session.Handle(new DeltaDiscoveryRequest());
        Assert.Equal(["x"], _session.Next(snapshot)!.RemovedResources);
        Assert.InRange(_session.Status().Types.Length, 1, 16);
    }

    [Fact]
    public void Drain_is_taken_when_the_endpoints_with_it_are_acknowledged()
    {
        Subscribe(XdsTypeUrls.ClusterLoadAssignment, "e");
        Ack(_session.Next(Snapshots.Of(1, endpoints: "e=serving"))!);
        var response = _session.Next(Snapshots.Of(2, endpoints: "e=draining"))!;
        var names = new HashSet<string> { "e" };
        Assert.Equal((true, false), _session.Progress(XdsTypeUrls.ClusterLoadAssignment, names, 2));

        Ack(response);

        Assert.Equal((true, true), _session.Progress(XdsTypeUrls.ClusterLoadAssignment, names, 2));
        Assert.Equal((false, false), _session.Progress(XdsTypeUrls.ClusterLoadAssignment, new HashSet<string> { "other" }, 2));
    }

    private static IEnumerable<string> Names(DeltaDiscoveryResponse? response) => Assert.IsType<DeltaDiscoveryResponse>(response).Resources.Select(static resource => resource.Name).Order();

    private void Subscribe(string typeUrl, params string[] names) => _session.Handle(new DeltaDiscoveryRequest { TypeUrl = typeUrl, ResourceNamesSubscribe = { names } });

    private void Ack(DeltaDiscoveryResponse response) => _session.Handle(new DeltaDiscoveryRequest { TypeUrl = response.TypeUrl, ResponseNonce = response.Nonce });
}
