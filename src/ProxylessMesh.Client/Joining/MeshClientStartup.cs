using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Client.Workloads;
using ProxylessMesh.Spiffe;
using ProxylessMesh.Xds.Client;

namespace ProxylessMesh.Client;

/// <summary>
/// Starts what runs in the background: what was kept from the last run, the certificate, the ADS stream, the registration, and the
/// keeping for the next run. Never holds up the host and never ends it: a control plane that is away shows in health and log.
/// </summary>
internal sealed partial class MeshClientStartup(
    IXdsClient xds,
    IdentitySource identities,
    LocalState state,
    WorkloadRegistration? registration,
    BundleWatch? bundles,
    ILogger<MeshClientStartup> logger) : IHostedService, IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _leave = new();
    private readonly List<Task> _running = [];
    private Task _lease = Task.CompletedTask;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await state.RestoreAsync().ConfigureAwait(false);
        using (ExecutionContext.SuppressFlow())
        {
            if (identities is RenewingIdentitySource source)
            {
                Run("certificate renewal", source.RunAsync);
            }

            if (bundles is not null)
            {
                Run("watch of the trust bundles", bundles.RunAsync);
            }

            if (xds is XdsClient client)
            {
                client.Start();
            }

            if (state.IsKept)
            {
                Run("keeping of the last known good state", state.KeepAsync);
            }

            if (registration is not null)
            {
                _lease = Task.Run(() => registration.RunAsync(_leave.Token), CancellationToken.None);
            }
        }
    }

    /// <summary>Gives the lease back first, so that the process is out of every balancer before its streams end.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _leave.CancelAsync().ConfigureAwait(false);
        await _lease.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_running).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose()
    {
        _stop.Dispose();
        _leave.Dispose();
    }

    private void Run(string name, Func<CancellationToken, Task> work) => _running.Add(Task.Run(
        async () =>
        {
            try
            {
                await work(_stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                Failed(logger, name, e);
            }
        },
        CancellationToken.None));

    [LoggerMessage(1605, LogLevel.Error, "The mesh's {Work} ended with an error and does not run any more. Restart the process, and report this as a bug")]
    private static partial void Failed(ILogger logger, string work, Exception error);
}
