using Microsoft.Extensions.Time.Testing;
using ProxylessMesh.ControlPlane.Tests.Translation;
using ProxylessMesh.ControlPlane.Workloads;

namespace ProxylessMesh.ControlPlane.Tests.Workloads;

public sealed class WorkloadRegistryTests
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    private readonly FakeTimeProvider _time = new();
    private readonly WorkloadRegistry _registry;

    public WorkloadRegistryTests() => _registry = new WorkloadRegistry(_time, Grace);

    [Fact]
    public void Workload_that_leaves_is_gone_at_once()
    {
        var lease = Join("catalog-1");

        lease.Leave();

        Assert.Empty(_registry.Current.ByInstance);
    }

    [Fact]
    public void Workload_whose_stream_broke_stays_for_the_grace_period()
    {
        var lease = Join("catalog-1");

        lease.Break();
        _time.Advance(Grace - TimeSpan.FromMilliseconds(1));
        Assert.Single(_registry.Current.ByInstance);
        _time.Advance(TimeSpan.FromMilliseconds(1));

        Assert.Empty(_registry.Current.ByInstance);
    }

    [Fact]
    public void Workload_that_drained_is_gone_however_its_stream_ends()
    {
        var lease = Join("catalog-1");
        lease.Report(WorkloadHealth.Draining);

        lease.Break();

        Assert.Empty(_registry.Current.ByInstance);
    }

    [Fact]
    public void Workload_that_joins_again_within_the_grace_period_never_goes_away()
    {
        var changes = 0;
        Join("catalog-1").Break();
        Join("catalog-1");
        _registry.Changed += () => changes++;

        _time.Advance(Grace * 2);

        Assert.Single(_registry.Current.ByInstance);
        Assert.Equal(0, changes);
    }

    [Fact]
    public void Old_stream_that_breaks_late_does_not_end_the_new_one()
    {
        var old = Join("catalog-1");
        Join("catalog-1");

        old.Break();
        old.Report(WorkloadHealth.NotServing);
        old.Leave();
        _time.Advance(Grace * 2);

        Assert.Equal(WorkloadHealth.Serving, Assert.Single(_registry.Current.ByInstance).Value.Health);
    }

    [Fact]
    public void Instance_id_of_another_identity_is_refused()
    {
        Join("one-1");

        Assert.False(_registry.TryJoin(Given.Workload("pricing", "one-1"), out _));
        Assert.Equal("catalog", _registry.Current.ByInstance["one-1"].Service);
    }

    [Fact]
    public void Workloads_known_before_a_restart_stay_until_they_join_again_or_their_time_is_over()
    {
        var rejoin = TimeSpan.FromMinutes(1);
        _registry.Restore([Given.Workload("catalog", "catalog-1"), Given.Workload("catalog", "catalog-2")], rejoin);
        Join("catalog-1");
        Assert.Equal(2, _registry.Current.ByInstance.Count);

        _time.Advance(rejoin);

        Assert.Equal(["catalog-1"], _registry.Current.ByInstance.Keys);
    }

    [Fact]
    public void Each_change_has_a_version_of_its_own()
    {
        var lease = Join("catalog-1");
        var joined = _registry.Current.Version;

        var drained = lease.Report(WorkloadHealth.Draining);

        Assert.True(drained > joined);
        Assert.Equal(drained, lease.Report(WorkloadHealth.Draining));
    }

    private WorkloadLease Join(string instance)
    {
        Assert.True(_registry.TryJoin(Given.Workload("catalog", instance), out var lease));
        return lease;
    }
}
