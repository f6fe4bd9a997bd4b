using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Federation;

/// <summary>
/// Keeps the bundles of the trust domains that manifests name: asks each endpoint at once and then as often as its bundle hints, and after a failure sooner, with
/// growing pauses. What is in force stays until there is a newer one.
/// </summary>
internal sealed partial class FederationPoller(ManifestStore manifests, FederatedBundles bundles, BundleEndpointClient client, TimeProvider time, ILogger<FederationPoller> logger) : BackgroundService
{
    /// <summary>Where a bundle gives no hint (SPIFFE Federation §4.3 leaves it open; SPIRE's default).</summary>
    public static readonly TimeSpan UsualPause = TimeSpan.FromMinutes(5);

    /// <summary>Never more often, whatever is hinted.</summary>
    public static readonly TimeSpan ShortestPause = TimeSpan.FromSeconds(1);

    /// <summary>Never less often: a root may have been withdrawn.</summary>
    public static readonly TimeSpan LongestPause = TimeSpan.FromHours(1);

    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);

    private readonly WakeSignal _signal = new();

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        manifests.Changed += _signal.Wake;

        // Whoever joins first gets the bundles that are known by then.
        bundles.Follow(manifests.Current.Manifests.FederatedTrustDomains);
        await base.StartAsync(cancellationToken);
    }

    public override void Dispose()
    {
        manifests.Changed -= _signal.Wake;
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var polls = new Dictionary<Endpoint, (CancellationTokenSource Stop, Task Poll)>();
        try
        {
            while (true)
            {
                _signal.Reset();
                var written = manifests.Current.Manifests.FederatedTrustDomains;
                bundles.Follow(written);
                var wanted = written.Where(static manifest => manifest.BundleEndpointUrl is not null).DistinctBy(static manifest => new Endpoint(manifest)).ToDictionary(static manifest => new Endpoint(manifest));
                foreach (var gone in polls.Keys.Except(wanted.Keys).ToList())
                {
                    await EndAsync(polls[gone]);
                    polls.Remove(gone);
                }

                foreach (var (endpoint, manifest) in wanted.Where(one => !polls.ContainsKey(one.Key)))
                {
                    var stop = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
                    polls.Add(endpoint, (stop, PollAsync(manifest, stop.Token)));
                }

                await _signal.Waiting.WaitAsync(stoppingToken);
            }
        }
        finally
        {
            foreach (var poll in polls.Values)
            {
                await EndAsync(poll);
            }
        }
    }

    private static async Task EndAsync((CancellationTokenSource Stop, Task Poll) poll)
    {
        await poll.Stop.CancelAsync();
        await poll.Poll.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        poll.Stop.Dispose();
    }

    private async Task PollAsync(FederatedTrustDomainManifest manifest, CancellationToken stop)
    {
        var failures = 0;
        var lastFault = "";
        while (true)
        {
            var answer = await client.FetchAsync(manifest, stop);
            var fault = answer.Document is { } document ? bundles.Take(manifest, document) : answer.Fault;
            if (fault is null)
            {
                if (failures > 0)
                {
                    LogAgain(manifest.TrustDomain);
                }

                (failures, lastFault) = (0, "");
            }
            else
            {
                failures++;
                if (fault != lastFault)
                {
                    LogFailed(manifest.TrustDomain, manifest.BundleEndpointUrl!, lastFault = fault);
                }
            }

            await Task.Delay(Pause(Hint(manifest), failures, Random.Shared.NextDouble()), time, stop);
        }
    }

    /// <summary>How long to wait: what the bundle hints, or after failures from a second doubling up to that. A tenth is random. Failures count from 1.</summary>
    internal static TimeSpan Pause(TimeSpan? hint, int failures, double random)
    {
        var usual = hint ?? UsualPause;
        usual = usual < ShortestPause ? ShortestPause : usual > LongestPause ? LongestPause : usual;
        var retry = FirstRetry * Math.Pow(2, Math.Clamp(failures - 1, 0, 16));
        return (failures == 0 || retry > usual ? usual : retry) * (1 - (0.1 * random));
    }

    private TimeSpan? Hint(FederatedTrustDomainManifest manifest) => bundles.Current.FirstOrDefault(bundle => bundle.TrustDomain.Name == manifest.TrustDomain)?.RefreshHint;

    [LoggerMessage(6577, LogLevel.Warning, "No newer bundle of trust domain '{TrustDomain}' from {Endpoint}: {Reason}. The one in force stays, and it is asked again.")]
    private partial void LogFailed(string trustDomain, Uri endpoint, string reason);

    [LoggerMessage(6578, LogLevel.Information, "The bundle endpoint of trust domain '{TrustDomain}' answers again.")]
    private partial void LogAgain(string trustDomain);

    /// <summary>What a poll depends on: when one of these changes, it begins anew.</summary>
    private sealed record Endpoint(string TrustDomain, Uri? Url, BundleEndpointProfile Profile, string Id, string Beginning)
    {
        public Endpoint(FederatedTrustDomainManifest manifest)
            : this(manifest.TrustDomain, manifest.BundleEndpointUrl, manifest.Profile, manifest.EndpointSpiffeId, manifest.TrustDomainBundle)
        {
        }
    }
}
