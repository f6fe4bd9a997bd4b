using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>
/// The control plane's own SVID, issued and rotated in this process; Kestrel reads it at each handshake. There is one from the start. While two
/// roots are in force there is one under each: by the old root for everybody, because whoever was away knows only that one, and by the
/// root of a join token for those who verify by it.
/// </summary>
internal sealed partial class ControlPlaneIdentitySource : IdentitySource, IDisposable
{
    private static readonly TimeSpan RetryAfterFailure = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly CertificateAuthority _authority;
    private readonly MeshTrust _trust;
    private readonly HashSet<TrustDomain> _guests;
    private readonly TimeSpan _lifetime;
    private readonly TimeProvider _time;
    private readonly ILogger<ControlPlaneIdentitySource> _logger;
    private readonly ITimer _timer;
    private Own[] _all = [];

    public ControlPlaneIdentitySource(CertificateAuthority authority, MeshTrust trust, IOptions<MeshControlPlaneOptions> options, TimeProvider time, ILogger<ControlPlaneIdentitySource> logger)
    {
        (_authority, _trust, _lifetime, _time, _logger) = (authority, trust, options.Value.SvidLifetime, time, logger);
        _guests = [.. options.Value.WorkloadTrustDomains.Select(TrustDomain.Parse)];
        _timer = time.CreateTimer(static state => ((ControlPlaneIdentitySource)state!).Rotate(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Issue();
        authority.Changed += Rotate;
        if (_guests.Count > 0)
        {
            trust.Changed += Rotate;
        }
    }

    /// <summary>The identity for a caller that sent this name in its TLS hello.</summary>
    public WorkloadIdentity For(string? tlsName)
    {
        foreach (var own in Volatile.Read(ref _all))
        {
            if (ControlPlaneIdentity.Asks(tlsName, own.Authority.RootHash.Span))
            {
                return own.Identity;
            }
        }

        return Current!;
    }

    public void Dispose()
    {
        _authority.Changed -= Rotate;
        _trust.Changed -= Rotate;
        _timer.Dispose();
    }

    private void Rotate()
    {
        try
        {
            Issue();
        }
        catch (Exception error) when (error is CryptographicException or ArgumentException or ObjectDisposedException)
        {
            LogFailed(error);
            _timer.Change(RetryAfterFailure, Timeout.InfiniteTimeSpan);
        }
    }

    private void Issue()
    {
        lock (_gate)
        {
            // Callers are checked by our own roots alone: nobody of another trust domain is a caller of this control plane, though its
            // workloads may be met. Unless the operator lists it: its issuer then says who serves a Service of ours.
            var keys = _authority.Keys;
            var bundles = new TrustBundleSet(_trust.Current.Bundles.Bundles.Where(bundle => _guests.Contains(bundle.TrustDomain) && bundle.TrustDomain != _authority.TrustDomain).Prepend(_authority.BundleOf(keys)));
            var all = keys.All.Select(authority => new Own(authority, Issue(authority, bundles))).ToArray();
            Volatile.Write(ref _all, all);
            Publish(all[0].Identity);
            var now = _time.GetUtcNow();
            _timer.Change(SvidRotation.RenewAt(now, all.Min(static own => own.Identity.ExpiresAt), Random.Shared.NextDouble()) - now, Timeout.InfiniteTimeSpan);
        }
    }

    private WorkloadIdentity Issue(MeshAuthority authority, TrustBundleSet bundles)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var id = ControlPlaneIdentity.In(_authority.TrustDomain);
        using var leaf = _authority.Issue(id, new PublicKey(key), _lifetime, authority);
        return IdentityAnswer.Own(id, leaf, [.. authority.Intermediates], key, bundles);
    }

    [LoggerMessage(6504, LogLevel.Error, "The control plane's own certificate could not be renewed. It is tried again in a few seconds; the one in force stays until it expires.")]
    private partial void LogFailed(Exception error);

    private sealed record Own(MeshAuthority Authority, WorkloadIdentity Identity);
}
