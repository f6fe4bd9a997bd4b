using Grpc.Core;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>
/// How long a stream may stay open: as long as the certificate of its connection is valid and its identity is not revoked. Then
/// <see cref="Ended"/> fires, and <see cref="Fault"/> is what the caller is told.
/// </summary>
internal sealed class CallerLife : IDisposable
{
    // Timers end at seven weeks; a certificate may live longer.
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(30);

    private readonly CancellationTokenSource _ended = new();
    private readonly SpiffeId _caller;
    private readonly RevokedIdentities _revoked;
    private readonly DateTimeOffset _expiresAt;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;

    public CallerLife(SpiffeId caller, DateTimeOffset expiresAt, RevokedIdentities revoked, TimeProvider time)
    {
        (_caller, _expiresAt, _revoked, _time) = (caller, expiresAt, revoked, time);
        _timer = time.CreateTimer(static state => ((CallerLife)state!).Check(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        revoked.Changed += Check;
        Check();
    }

    /// <summary>Fires when the stream is to end.</summary>
    public CancellationToken Ended => _ended.Token;

    public bool IsRevoked => _revoked.Contains(_caller);

    /// <summary>What ended the stream, once <see cref="Ended"/> has fired.</summary>
    public RpcException? Fault => !_ended.IsCancellationRequested ? null
        : IsRevoked ? MeshCallers.Revoked(_caller)
        : new RpcException(new Status(StatusCode.Unavailable, "The certificate of this connection has expired. Connect again with the one that is in force now."));

    public void Dispose()
    {
        _revoked.Changed -= Check;
        _timer.Dispose();
        _ended.Dispose();
    }

    private void Check()
    {
        try
        {
            var left = _expiresAt - _time.GetUtcNow();
            if (left <= TimeSpan.Zero || IsRevoked)
            {
                _ended.Cancel();
                return;
            }

            _timer.Change(left < LongestWait ? left : LongestWait, Timeout.InfiniteTimeSpan);
        }
        catch (ObjectDisposedException)
        {
            // The stream ended by itself at the same moment.
            return;
        }
    }
}

/// <summary>Begins the lives of streams.</summary>
internal sealed class CallerLives(RevokedIdentities revoked, TimeProvider time)
{
    /// <param name="http">Of the stream.</param>
    /// <param name="caller">As <see cref="MeshCallers"/> found it; <see langword="null"/> on a port that knows no identity.</param>
    /// <returns>To be disposed with the stream; <see langword="null"/> where there is no caller.</returns>
    public CallerLife? Begin(HttpContext http, SpiffeId? caller)
        => caller is not null && http.Connection.ClientCertificate is { } certificate
            ? new CallerLife(caller, new DateTimeOffset(certificate.NotAfter.ToUniversalTime(), TimeSpan.Zero), revoked, time)
            : null;
}
