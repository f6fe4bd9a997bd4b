using System.Diagnostics.Metrics;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Client.Telemetry;

/// <summary>The identity source's instruments: what an alert on certificates is made of. Nothing where there is no source.</summary>
internal sealed class IdentityMetrics
{
    private readonly RenewingIdentitySource _source;
    private readonly TimeProvider _time;

    private IdentityMetrics(RenewingIdentitySource source, TimeProvider time) => (_source, _time) = (source, time);

    /// <summary>Makes the instruments; they live as long as the factory's meter.</summary>
    public static void Add(IMeterFactory meters, IdentitySource source, TimeProvider time)
    {
        if (source is not RenewingIdentitySource renewing)
        {
            return;
        }

        var meter = meters.Create(MeshMeter.Name);
        var metrics = new IdentityMetrics(renewing, time);
        meter.CreateObservableGauge("proxyless_mesh.identity.state", metrics.States, "{state}", "1 for the state the certificate's source is in, 0 for the others.");
        meter.CreateObservableGauge("proxyless_mesh.identity.expires_in", metrics.ExpiresIn, "s", "Time until the certificate in force ends; negative afterwards.");
        meter.CreateObservableGauge("proxyless_mesh.identity.failing_for", metrics.FailingFor, "s", "How long every attempt to get a certificate has failed; 0 when the last one did not.");
        meter.CreateObservableCounter("proxyless_mesh.identity.rotations", () => renewing.Rotations, "{certificate}", "Certificates put in force, the first included.");
        meter.CreateObservableCounter("proxyless_mesh.identity.failures", () => renewing.Failures, "{attempt}", "Attempts to get a certificate that failed.");
    }

    private IEnumerable<Measurement<int>> States()
    {
        var now = _source.Status.State;
        return Enum.GetValues<IdentityState>().Select(state => new Measurement<int>(state == now ? 1 : 0, new KeyValuePair<string, object?>("proxyless_mesh.state", Name(state))));
    }

    private IEnumerable<Measurement<double>> ExpiresIn()
        => _source.Status.ExpiresAt is { } end ? [new Measurement<double>((end - _time.GetUtcNow()).TotalSeconds)] : [];

    private double FailingFor() => _source.Status.FailingSince is { } since ? (_time.GetUtcNow() - since).TotalSeconds : 0;

    private static string Name(IdentityState state) => state switch
    {
        IdentityState.Waiting => "waiting",
        IdentityState.Ready => "ready",
        IdentityState.Stale => "stale",
        _ => "expired",
    };
}
