using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ProxylessMesh.Client;
using ProxylessMesh.Client.Workloads;
using ProxylessMesh.Snapshots;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Listening;

/// <summary>
/// Joins when Kestrel listens and leaves before it stops. In: tell where we are, not serving; when the certificate and every port's
/// policy are there and the application is healthy, serving. Out: announce the drain and wait until every caller has taken it, while
/// calls are still served; then Kestrel says GOAWAY, finishes what runs and stops; the registration's stream ends last.
/// </summary>
/// <remarks>The drain is in StoppingAsync because that comes before the first StopAsync, so before Kestrel stops accepting.</remarks>
internal sealed partial class InboundLifecycle(
    ControlPlaneLink link,
    InboundSubscriptions subscriptions,
    InboundReadiness readiness,
    IdentitySource identity,
    IOptions<MeshOptions> options,
    IOptions<HealthCheckServiceOptions> checks,
    TimeProvider time,
    ILogger<InboundLifecycle> logger,
    IServer? server = null,
    HealthCheckService? health = null) : IHostedLifecycleService, IDisposable
{
    private static readonly TimeSpan HealthInterval = TimeSpan.FromSeconds(5);

    // Null where a foreign xDS server serves this process: nobody there asks where it is.
    private readonly WorkloadRegistration? _registration = link.Registration;
    private readonly CancellationTokenSource _stopping = new();
    private readonly MeshOptions.InboundOptions _options = options.Value.Inbound;
    private Task _reporting = Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken)
    {
        var addresses = _options.Enabled ? server?.Features.Get<IServerAddressesFeature>()?.Addresses : null;
        var bound = BoundAddresses.Read(addresses ?? [], _options, BoundAddresses.OfMachine);
        if (bound.IsEmpty)
        {
            readiness.Ready();
            _registration?.ServeAt(WorkloadEndpoints.None);
            return Task.CompletedTask;
        }

        _registration?.ReportHealth(isServing: false);
        List<InboundPort> ports = [.. bound.Select(one => subscriptions.Watch(one.Advertised, one.BoundPort))];
        var endpoints = BoundAddresses.ToEndpoints(bound, _options.PortNames);
        _registration?.ServeAt(endpoints);
        LogListening(string.Join(", ", bound.Select(static one => one.Advertised)));
        _reporting = ReportAsync(ports, _stopping.Token);
        return Task.CompletedTask;
    }

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await _reporting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_registration is not null)
        {
            await DrainAsync(_registration, cancellationToken);
        }

        readiness.NotReady("This process is stopping.");
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _stopping.Dispose();

    private async Task DrainAsync(WorkloadRegistration registration, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(_options.DrainTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        var started = time.GetTimestamp();
        if (await registration.DrainAsync(either.Token))
        {
            LogDrained(time.GetElapsedTime(started).TotalMilliseconds);
        }
        else
        {
            LogNotDrained();
        }
    }

    private async Task ReportAsync(List<InboundPort> ports, CancellationToken stop)
    {
        await Task.WhenAll([identity.GetAsync(stop).AsTask(), .. ports.Select(static port => port.PolicyArrived)]).WaitAsync(stop);
        readiness.Ready();

        // Ours are asked by others; what the application added decides here.
        var own = checks.Value.Registrations.Any(IsOfApplication);
        if (health is null || !own)
        {
            _registration?.ReportHealth(isServing: true);
            return;
        }

        using var timer = new PeriodicTimer(HealthInterval, time);
        var serving = false;
        do
        {
            var report = await health.CheckHealthAsync(IsOfApplication, stop);
            var now = report.Status != HealthStatus.Unhealthy;
            if (now != serving)
            {
                serving = now;
                _registration?.ReportHealth(now);
                LogHealth(now ? "serving" : "not serving", string.Join(", ", report.Entries.Where(static entry => entry.Value.Status == HealthStatus.Unhealthy).Select(static entry => entry.Key)));
            }
        }
        while (await timer.WaitForNextTickAsync(stop));
    }

    private static bool IsOfApplication(HealthCheckRegistration check) => check.Name is not ("mesh" or InboundReadiness.Name);

    [LoggerMessage(4030, LogLevel.Information, "Peers of the mesh reach this process at {Addresses}.")]
    private partial void LogListening(string addresses);

    [LoggerMessage(4031, LogLevel.Information, "Every caller has taken that this process drains, after {Milliseconds:0} ms; it stops now.")]
    private partial void LogDrained(double milliseconds);

    [LoggerMessage(4032, LogLevel.Warning, "Stopping without word that every caller knows it: the control plane is away, or Mesh:Inbound:DrainTimeout ended. Calls that come meanwhile are refused and must be tried elsewhere.")]
    private partial void LogNotDrained();

    [LoggerMessage(4033, LogLevel.Information, "The application's health checks say that this process is {State}. Unhealthy: {Checks}.")]
    private partial void LogHealth(string state, string checks);
}
