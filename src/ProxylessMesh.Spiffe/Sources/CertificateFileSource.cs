using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// A certificate that something else renews and leaves in files: cert-manager, istio-agent, spiffe-helper, a corporate PKI. The files are
/// looked at when the system reports a change, and every so often anyway: on network volumes it may report none.
/// </summary>
/// <remarks>
/// A certificate is taken only with its own key and when it verifies by the roots, so a pair that is half written, or of two renewals, is
/// never in force; the identity of before stays. What is half written is given a moment before it counts as a failure.
/// </remarks>
internal sealed class CertificateFileSource(CertificateFileSettings settings, TimeProvider time, ILogger<CertificateFileSource> logger) : RenewingIdentitySource(time, logger)
{
    /// <summary>How long whoever writes the files may take from the first to the last.</summary>
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(1);

    private string? _inForce;

    public override string Subject => settings.Folder.Length > 0 ? $"this process from folder '{settings.Folder}'" : $"this process from file '{settings.CertificateFile}'";

    protected override async Task KeepAsync(CancellationToken stop)
    {
        using var changes = new FileChanges(settings, Time);
        var failures = 0;
        while (true)
        {
            var error = TryLoad();
            failures = error is null ? 0 : failures + 1;
            if (error is not null && (failures > 1 || Current is null))
            {
                Fail(error);
            }

            await changes.WaitAsync(Pause(failures), stop).ConfigureAwait(false);
        }
    }

    private TimeSpan Pause(int failures)
    {
        if (failures <= 1 && Current is not null)
        {
            return failures == 0 ? settings.PollInterval : Settle;
        }

        var retry = SvidRotation.RetryAfter(failures, (Current?.ExpiresAt ?? DateTimeOffset.MinValue) - Time.GetUtcNow(), Random.Shared.NextDouble());
        return retry < settings.PollInterval ? retry : settings.PollInterval;
    }

    private IdentityException? TryLoad()
    {
        try
        {
            var files = CertificateFiles.Read(settings);
            var fingerprint = files.Fingerprint();
            if (fingerprint != _inForce)
            {
                PutInForce(Read(files), renewsAt: null);
                _inForce = fingerprint;
            }
            else if (Status.Error is not null)
            {
                // Somebody put the old files back.
                PutInForce(Current!, renewsAt: null);
            }

            return null;
        }
        catch (Exception error) when (error is FormatException or CryptographicException)
        {
            return new IdentityException(
                IdentityError.BadFile,
                $"The certificate files cannot be used: {error.Message}. Check Mesh:Identity:Files and whoever writes them. The process looks at them again.",
                error);
        }
    }

    private WorkloadIdentity Read(CertificateFiles files)
    {
        var (leaf, intermediates, id) = X509SvidPem.Read(files.Certificate, files.Key);
        var bundles = RootText.Read(files.Roots, id.TrustDomain);
        return X509SvidChain.Verify(leaf, intermediates, bundles, Time.GetUtcNow(), out _) is { } fault
            ? throw new FormatException($"the certificate of '{id}' (valid from {leaf.NotBefore.ToUniversalTime():u} to {leaf.NotAfter.ToUniversalTime():u}) does not verify at {Time.GetUtcNow():u}: {fault}")
            : new WorkloadIdentity(id, leaf, intermediates, bundles);
    }
}
