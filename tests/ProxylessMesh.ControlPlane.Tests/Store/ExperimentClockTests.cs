using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.ControlPlane.Tests.Ca;
using ProxylessMesh.ControlPlane.Tests.Translation;
using ProxylessMesh.Manifests;

namespace ProxylessMesh.ControlPlane.Tests.Store;

public sealed class ExperimentClockTests : IDisposable
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 31, 12, 0, 0, TimeSpan.Zero);

    private readonly TestFolder _folder = new();
    private readonly StateFolder _state;

    public ExperimentClockTests() => _state = new StateFolder(Options.Create(new MeshControlPlaneOptions { StateFolder = _folder.Path }));

    public void Dispose()
    {
        _state.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Experiment_begins_when_it_is_first_seen_and_ends_after_its_time()
    {
        var clock = Clock();
        var manifests = Manifests();

        Assert.Equal(Noon.AddMinutes(15), Ends(clock.At(manifests, Noon)));
        Assert.Equal(Noon.AddMinutes(15), clock.NextChange);
        Assert.Equal(Noon.AddMinutes(15), Ends(clock.At(manifests, Noon.AddMinutes(14))));
        Assert.Empty(clock.At(manifests, Noon.AddMinutes(15)).FaultExperiments);
        Assert.Null(clock.NextChange);
    }

    [Fact]
    public void Manifests_are_the_same_object_until_an_experiment_begins_or_ends()
    {
        var clock = Clock();
        var manifests = Manifests();

        var before = clock.At(manifests, Noon);

        Assert.Same(before, clock.At(manifests, Noon.AddMinutes(1)));
        Assert.NotSame(before, clock.At(manifests, Noon.AddMinutes(15)));
        var without = Given.Manifests("");
        Assert.Same(without, Clock().At(without, Noon));
    }

    [Fact]
    public void Neither_a_restart_nor_another_reading_begins_it_anew()
    {
        _ = Clock().At(Manifests(), Noon);

        Assert.Equal(Noon.AddMinutes(15), Ends(Clock().At(Manifests(), Noon.AddMinutes(10))));
        Assert.Empty(Clock().At(Manifests(), Noon.AddDays(1)).FaultExperiments);
    }

    [Fact]
    public void Changed_or_removed_and_written_again_it_is_a_new_one()
    {
        var clock = Clock();
        _ = clock.At(Manifests(), Noon);

        Assert.Equal(Noon.AddMinutes(25), Ends(clock.At(Manifests("abort: { httpStatus: 500, percentage: 2 }"), Noon.AddMinutes(10))));
        _ = clock.At(Given.Manifests(""), Noon.AddMinutes(11));
        Assert.Equal(Noon.AddMinutes(27), Ends(clock.At(Manifests(), Noon.AddMinutes(12))));
    }

    [Fact]
    public void Beginning_that_is_written_counts()
    {
        var clock = Clock();
        var manifests = Manifests("abort: { httpStatus: 500, percentage: 1 }, startsAt: '2026-01-31T14:00:00Z'");

        Assert.Empty(clock.At(manifests, Noon).FaultExperiments);
        Assert.Equal(Noon.AddHours(2), clock.NextChange);
        Assert.Equal(Noon.AddHours(2).AddMinutes(15), Ends(clock.At(manifests, Noon.AddHours(2))));
        Assert.Empty(clock.At(manifests, Noon.AddHours(3)).FaultExperiments);
    }

    [Fact]
    public void Damaged_file_does_not_keep_the_control_plane_from_starting()
    {
        File.WriteAllText(_state.PathOf("experiments.json"), "{");

        Assert.Equal(Noon.AddMinutes(15), Ends(Clock().At(Manifests(), Noon)));
    }

    private ExperimentClock Clock() => new(_state, NullLogger<ExperimentClock>.Instance);

    private static DateTimeOffset? Ends(ManifestSet manifests) => Assert.Single(manifests.FaultExperiments).Ends;

    private static ManifestSet Manifests(string fault = "abort: { httpStatus: 500, percentage: 1 }") => Given.Manifests($$"""
        apiVersion: mesh.proxyless.dev/v1alpha1
        kind: FaultExperiment
        metadata: { name: chaos, namespace: shop }
        spec: { targetRef: { kind: Service, name: catalog }, ttl: 15m, {{fault}} }
        """);
}
