using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.Manifests.Kinds;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Federation;

/// <summary>
/// The bundles of other trust domains, as far as manifests name them: begun by the manifest's own, replaced whole by what the endpoint answers, kept over
/// restarts. A bundle whose number goes back is not taken: somebody may be replaying one with a root that was withdrawn. Thread safe.
/// </summary>
internal sealed partial class FederatedBundles
{
    // All bundles go to every workload.
    private const int MaxBytes = 64 * 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly string _path;
    private readonly MeshTrust _trust;
    private readonly TrustDomain _own;
    private readonly ILogger<FederatedBundles> _logger;
    private readonly Dictionary<TrustDomain, Entry> _entries = [];

    public FederatedBundles(StateFolder folder, CertificateAuthority authority, MeshTrust trust, ILogger<FederatedBundles> logger)
    {
        (_path, _own, _trust, _logger) = (folder.PathOf("federated-bundles.json"), authority.TrustDomain, trust, logger);
        foreach (var kept in Load())
        {
            if (TrustDomain.TryParse(kept.TrustDomain, out var trustDomain) && Read(trustDomain, kept.Document, out _) is { } bundle)
            {
                _entries[trustDomain] = new Entry(bundle, kept);
            }
        }
    }

    /// <summary>Raised after <see cref="Current"/> has changed.</summary>
    public event Action? Changed;

    public ImmutableArray<SpiffeBundle> Current
    {
        get
        {
            lock (_gate)
            {
                return [.. _entries.Values.Select(static entry => entry.Bundle).OrderBy(static bundle => bundle.TrustDomain.Name, StringComparer.Ordinal)];
            }
        }
    }

    /// <summary>Puts the manifests in force: trust domains that are not written any more are forgotten, new ones begin with the bundle that is written.</summary>
    public void Follow(IReadOnlyList<FederatedTrustDomainManifest> manifests)
    {
        var begun = new List<SpiffeBundle>();
        List<TrustDomain> forgotten;
        lock (_gate)
        {
            var written = new HashSet<TrustDomain>();
            foreach (var manifest in manifests)
            {
                if (TrustDomain.TryParse(manifest.TrustDomain, out var trustDomain) && trustDomain != _own && written.Count < IdentityAnswer.MaxBundles - 1)
                {
                    written.Add(trustDomain);
                    if (BeginLocked(trustDomain, manifest) is { } bundle)
                    {
                        begun.Add(bundle);
                    }
                }
                else
                {
                    LogNotFederated(manifest.DisplayName, manifest.TrustDomain, _own, IdentityAnswer.MaxBundles - 1);
                }
            }

            forgotten = [.. _entries.Keys.Except(written)];
            forgotten.ForEach(gone => _entries.Remove(gone));
            SaveLocked();
        }

        Tell();
        begun.ForEach(LogTaken);
        forgotten.ForEach(LogGone);
    }

    /// <summary>Takes what an endpoint answered.</summary>
    /// <returns>Why it is not taken; null when it is, or is in force already.</returns>
    public string? Take(FederatedTrustDomainManifest manifest, string document)
    {
        var trustDomain = TrustDomain.Parse(manifest.TrustDomain);
        if (Read(trustDomain, document, out var fault) is not { } bundle)
        {
            return fault;
        }

        lock (_gate)
        {
            var before = _entries.GetValueOrDefault(trustDomain);
            if (before is not null && before.Kept.Document == document)
            {
                return null;
            }

            if (before?.Bundle.Sequence is { } had && !(bundle.Sequence >= had))
            {
                return $"its number is {(bundle.Sequence is { } number ? number : "missing")} and was {had} before: an older bundle is not taken. If the other side began anew, write its bundle into trustDomainBundle";
            }

            _entries[trustDomain] = new Entry(bundle, new FederatedBundle(trustDomain.Name, HashOf(manifest), document));
            SaveLocked();
        }

        Tell();
        LogTaken(bundle);
        return null;
    }

    // The bundle that is in force from now on by the manifest's word; null where nothing changes, or nothing is there to begin with.
    private SpiffeBundle? BeginLocked(TrustDomain trustDomain, FederatedTrustDomainManifest manifest)
    {
        if (_entries.TryGetValue(trustDomain, out var entry) && entry.Kept.Beginning == HashOf(manifest))
        {
            return null;
        }

        _entries.Remove(trustDomain);
        if (manifest.TrustDomainBundle.Length == 0)
        {
            return null;
        }

        if (Read(trustDomain, manifest.TrustDomainBundle, out var fault) is { } bundle)
        {
            _entries[trustDomain] = new Entry(bundle, new FederatedBundle(trustDomain.Name, HashOf(manifest), manifest.TrustDomainBundle));
            return bundle;
        }

        LogBadBeginning(manifest.DisplayName, fault);
        return null;
    }

    private void LogTaken(SpiffeBundle bundle) => LogTaken(bundle.TrustDomain, bundle.X509Authorities.Length, bundle.JwtAuthorities.Count, bundle.Sequence);

    // Workloads refuse all of a set for one root that is none: it must not get that far.
    private static SpiffeBundle? Read(TrustDomain trustDomain, string document, out string fault)
    {
        fault = "";
        try
        {
            var bundle = SpiffeBundleReader.Read(Encoding.UTF8.GetBytes(document), trustDomain);
            foreach (var root in bundle.X509Authorities)
            {
                if (X509SvidValidator.CheckAuthority(root) is { } broken)
                {
                    fault = $"root '{root.Subject}': {broken}";
                    return null;
                }
            }

            return bundle;
        }
        catch (FormatException error)
        {
            fault = error.Message.TrimEnd('.');
            return null;
        }
    }

    private static string HashOf(FederatedTrustDomainManifest manifest) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(manifest.TrustDomainBundle)));

    // Without roots nothing of that trust domain can be verified: it is left out, and so are its peers.
    private void Tell()
    {
        _trust.SetFederated([.. Current.Where(static bundle => !bundle.X509Authorities.IsEmpty).Select(static bundle => bundle.ToTrustBundle())]);
        Changed?.Invoke();
    }

    private FederatedBundle[] Load()
    {
        try
        {
            return PrivateFile.Read(_path, MaxBytes) is { } content ? JsonSerializer.Deserialize(content, FederatedBundleJson.Default.FederatedBundleArray)! : [];
        }
        catch (Exception error) when (error is JsonException or IOException or InvalidDataException or UnauthorizedAccessException)
        {
            // The manifests and the endpoints say it again.
            LogNotRead(error, _path);
            return [];
        }
    }

    private void SaveLocked()
    {
        try
        {
            AtomicFile.WriteSecret(_path, JsonSerializer.SerializeToUtf8Bytes([.. _entries.Values.Select(static entry => entry.Kept)], FederatedBundleJson.Default.FederatedBundleArray));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            LogNotKept(error, _path);
        }
    }

    [LoggerMessage(6571, LogLevel.Information, "The bundle of trust domain '{TrustDomain}' is in force: {Roots} root(s), {Keys} key(s) for JWT-SVIDs, number {Sequence}.")]
    private partial void LogTaken(TrustDomain trustDomain, int roots, int keys, ulong? sequence);

    [LoggerMessage(6572, LogLevel.Information, "Trust domain '{TrustDomain}' is not federated any more.")]
    private partial void LogGone(TrustDomain trustDomain);

    [LoggerMessage(6573, LogLevel.Warning, "{Manifest} is without effect: '{TrustDomain}' is our own trust domain '{Own}', or there are more than {Most}. Remove it.")]
    private partial void LogNotFederated(string manifest, string trustDomain, TrustDomain own, int most);

    [LoggerMessage(6574, LogLevel.Error, "{Manifest}: its trustDomainBundle cannot be used: {Reason}. Until it is mended or the endpoint answers, nobody of that trust domain is verified.")]
    private partial void LogBadBeginning(string manifest, string reason);

    [LoggerMessage(6575, LogLevel.Warning, "The bundles of other trust domains in '{Path}' cannot be read; they are asked for again.")]
    private partial void LogNotRead(Exception error, string path);

    [LoggerMessage(6576, LogLevel.Error, "The bundles of other trust domains cannot be kept in '{Path}'. Make the state folder writable: a restart would begin with those of the manifests.")]
    private partial void LogNotKept(Exception error, string path);

    private sealed record Entry(SpiffeBundle Bundle, FederatedBundle Kept);
}
