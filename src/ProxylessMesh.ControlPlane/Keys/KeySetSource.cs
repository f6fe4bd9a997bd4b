using System.Collections.Immutable;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Keys;

/// <summary>
/// The public keys of the issuers that RequestAuthentications name by address. As istiod does by default, the control plane fetches them
/// and workloads get them with their policy: no workload needs a way to the issuer. Fetched again every 20 minutes, sooner after a failure;
/// the last good set stays, over restarts too.
/// </summary>
internal sealed partial class KeySetSource(ManifestStore manifests, KeySetFetcher fetcher, KeySetFile file, TimeProvider time, ILogger<KeySetSource> logger) : BackgroundService
{
    /// <summary>Istio's default (<c>PILOT_JWT_PUB_KEY_REFRESH_INTERVAL</c>).</summary>
    internal static readonly TimeSpan RefreshInterval = TimeSpan.FromMinutes(20);

    internal static readonly TimeSpan ShortestRetry = TimeSpan.FromSeconds(1);
    internal static readonly TimeSpan LongestRetry = TimeSpan.FromMinutes(1);

    // Manifests are an operator's, but a mistake in a template must not become a flood.
    private const int MaxAddresses = 1000;

    private readonly WakeSignal _signal = new();
    private readonly Dictionary<KeySetAddress, Entry> _entries = [];
    private ImmutableDictionary<string, string> _found = ImmutableDictionary<string, string>.Empty;
    private (ManifestSet Given, ImmutableDictionary<string, string> Found, ManifestSet Filled)? _last;

    /// <summary>Raised after keys changed. Return quickly.</summary>
    public event Action? Changed;

    /// <summary>The manifests with the keys that are known in their rules. The same object as long as both are. One caller at a time.</summary>
    public ManifestSet In(ManifestSet given)
    {
        var found = Volatile.Read(ref _found);
        if (_last is { } last && ReferenceEquals(last.Given, given) && ReferenceEquals(last.Found, found))
        {
            return last.Filled;
        }

        var filled = given.RequestAuthentications.Any(static policy => policy.Rules.Any(static rule => KeySetAddress.Of(rule) is not null))
            ? new ManifestSet(given.All.Select(manifest => manifest is RequestAuthenticationManifest policy ? policy with { Rules = [.. policy.Rules.Select(rule => Filled(rule, found))] } : manifest))
            : given;
        _last = (given, found, filled);
        return filled;
    }

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        // Before the first snapshot is made.
        Volatile.Write(ref _found, file.Read().ToImmutableDictionary(StringComparer.Ordinal));
        manifests.Changed += _signal.Wake;
        return base.StartAsync(cancellationToken);
    }

    public override void Dispose()
    {
        manifests.Changed -= _signal.Wake;
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            _signal.Reset();
            Follow(manifests.Current.Manifests);
            var now = time.GetUtcNow();
            await Task.WhenAll(_entries.Where(entry => entry.Value.Due <= now).Select(entry => RefreshAsync(entry.Key, entry.Value, stoppingToken)));
            Publish();
            await WaitAsync(stoppingToken);
        }
    }

    private static JwtRule Filled(JwtRule rule, ImmutableDictionary<string, string> found)
        => KeySetAddress.Of(rule) is { } address && found.TryGetValue(address.ToString(), out var keys) ? rule with { Jwks = keys } : rule;

    // Addresses that no policy names any more are forgotten; new ones are due at once.
    private void Follow(ManifestSet current)
    {
        var wanted = (from policy in current.RequestAuthentications
                      from rule in policy.Rules
                      let address = KeySetAddress.Of(rule)
                      where address is not null
                      group rule.Timeout by address).Take(MaxAddresses).ToDictionary(static group => group.Key, static group => group.Max());
        foreach (var gone in _entries.Keys.Where(address => !wanted.ContainsKey(address)).ToList())
        {
            _entries.Remove(gone);
        }

        foreach (var (address, timeout) in wanted)
        {
            if (!_entries.TryGetValue(address, out var entry))
            {
                _entries.Add(address, entry = new Entry { Keys = Volatile.Read(ref _found).GetValueOrDefault(address.ToString()) });
            }

            entry.Timeout = timeout;
        }
    }

    private async Task RefreshAsync(KeySetAddress address, Entry entry, CancellationToken stoppingToken)
    {
        try
        {
            // Only what may be kept and shown to everyone.
            entry.Keys = PublicKeys.Of(await fetcher.FetchAsync(address, entry.Timeout, stoppingToken));
            entry.Due = time.GetUtcNow() + RefreshInterval;
            if (entry.Failures > 0)
            {
                LogBack(address);
            }

            entry.Failures = 0;
        }
        catch (KeySetException exception)
        {
            if (entry.Failures == 0)
            {
                LogFailed(address, exception.Message, entry.Keys is null ? "No token of this issuer is valid until then." : "The keys found last stay in force.");
            }

            var wait = ShortestRetry * Math.Pow(2, Math.Min(entry.Failures, 10));
            entry.Failures++;
            entry.Due = time.GetUtcNow() + (wait < LongestRetry ? wait : LongestRetry);
        }
    }

    private void Publish()
    {
        var now = _entries.Where(static entry => entry.Value.Keys is not null).ToImmutableDictionary(static entry => entry.Key.ToString(), static entry => entry.Value.Keys!, StringComparer.Ordinal);
        var before = Volatile.Read(ref _found);
        if (now.Count == before.Count && now.All(entry => before.TryGetValue(entry.Key, out var keys) && keys == entry.Value))
        {
            return;
        }

        Volatile.Write(ref _found, now);
        if (!file.TryWrite(now.ToDictionary(StringComparer.Ordinal)))
        {
            LogNotKept();
        }

        Changed?.Invoke();
    }

    private async Task WaitAsync(CancellationToken stoppingToken)
    {
        if (_entries.Count == 0)
        {
            await _signal.Waiting.WaitAsync(stoppingToken);
            return;
        }

        var wait = _entries.Values.Min(static entry => entry.Due) - time.GetUtcNow();
        if (wait > TimeSpan.Zero)
        {
            await _signal.Waiting.WaitAsync(wait, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            stoppingToken.ThrowIfCancellationRequested();
        }
    }

    [LoggerMessage(6140, LogLevel.Warning, "The keys at {Address} could not be fetched: {Reason}. It is tried again, at least once a minute. {Consequence} Check the address and the way there from the control plane.")]
    private partial void LogFailed(KeySetAddress address, string reason, string consequence);

    [LoggerMessage(6141, LogLevel.Information, "The keys at {Address} are fetched again.")]
    private partial void LogBack(KeySetAddress address);

    [LoggerMessage(6142, LogLevel.Warning, "The fetched keys could not be written to the state folder: after a restart they must be fetched before any token is valid. Make room or mend its permissions.")]
    private partial void LogNotKept();

    private sealed class Entry
    {
        public string? Keys { get; set; }

        public TimeSpan Timeout { get; set; }

        public DateTimeOffset Due { get; set; }

        public int Failures { get; set; }
    }
}
