using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>The control plane's own SVID, issued and rotated in this process; Kestrel reads it at each handshake. There is one from the start.</summary>
internal sealed partial class ControlPlaneIdentitySource : IdentitySource, IDisposable
{
    private static readonly TimeSpan RetryAfterFailure = TimeSpan.FromSeconds(5);

    private readonly CertificateAuthority _authority;
    private readonly TimeSpan _lifetime;
    private readonly TimeProvider _time;
    private readonly ILogger<ControlPlaneIdentitySource> _logger;
    private readonly ITimer _timer;

    public ControlPlaneIdentitySource(CertificateAuthority authority, IOptions<MeshControlPlaneOptions> options, TimeProvider time, ILogger<ControlPlaneIdentitySource> logger)
    {
        (_authority, _lifetime, _time, _logger) = (authority, options.Value.SvidLifetime, time, logger);
        _timer = time.CreateTimer(static state => ((ControlPlaneIdentitySource)state!).Rotate(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Issue();
    }

    public void Dispose() => _timer.Dispose();

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
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var id = ControlPlaneIdentity.In(_authority.TrustDomain);
        using var leaf = _authority.Issue(id, new PublicKey(key), _lifetime);
        var identity = IdentityAnswer.Own(id, leaf, key, new TrustBundleSet([_authority.Bundle]));
        Publish(identity);
        var now = _time.GetUtcNow();
        _timer.Change(SvidRotation.RenewAt(now, identity.ExpiresAt, Random.Shared.NextDouble()) - now, Timeout.InfiniteTimeSpan);
    }

    [LoggerMessage(6504, LogLevel.Error, "The control plane's own certificate could not be renewed. It is tried again in a few seconds; the one in force stays until it expires.")]
    private partial void LogFailed(Exception error);
}
