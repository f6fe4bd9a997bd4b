using System.Collections.Concurrent;
using Grpc.Core;
using Grpc.Net.Client;
using WorkloadApi;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// JWT-SVIDs from a SPIFFE Workload API: tokens that prove this process where mTLS does not reach, and checks of those of others. Thread safe.
/// </summary>
public sealed class JwtSvidSource : IAsyncDisposable
{
    /// <summary>Audiences come from the application; a handful is usual.</summary>
    private const int MaxKept = 256;

    private static readonly TimeSpan AttemptTimeout = TimeSpan.FromSeconds(10);

    private readonly WorkloadApiSettings _settings;
    private readonly TimeProvider _time;
    private readonly GrpcChannel _channel;
    private readonly JwtBundleWatch _bundles;
    private readonly ConcurrentDictionary<string, (JwtSvid Svid, DateTimeOffset RenewsAt)> _kept = new(StringComparer.Ordinal);

    internal JwtSvidSource(WorkloadApiSettings settings, TimeProvider time)
    {
        (_settings, _time, _channel) = (settings, time, WorkloadApiChannel.Open(settings.Address));
        _bundles = new JwtBundleWatch(_channel, time);
    }

    /// <summary>Gives a token for one audience. The same is given until about half of its lifetime has passed.</summary>
    /// <param name="audience">Who is to accept the token, for example the SPIFFE ID or the name of the service that is called.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The token and what it says.</returns>
    /// <exception cref="IdentityException">There is none.</exception>
    public async Task<JwtSvid> FetchAsync(string audience, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(audience);
        var now = _time.GetUtcNow();
        if (_kept.TryGetValue(audience, out var kept) && now < kept.RenewsAt)
        {
            return kept.Svid;
        }

        try
        {
            var svid = await AskAsync(audience, cancellationToken).ConfigureAwait(false);
            if (_kept.Count < MaxKept || _kept.ContainsKey(audience))
            {
                _kept[audience] = (svid, SvidRotation.RenewAt(now, svid.ExpiresAt, Random.Shared.NextDouble()));
            }

            return svid;
        }
        catch (IdentityException) when (kept.Svid is { } old && now < old.ExpiresAt - JwtSvidValidator.ClockSkew)
        {
            // Renewal is early; the agent may be back before it is due.
            return old;
        }
    }

    /// <summary>Checks a token that somebody else has sent: signature, audience and times, by the keys of its subject's own trust domain.</summary>
    /// <param name="token">The token.</param>
    /// <param name="audience">The audience that this process goes by.</param>
    /// <param name="cancellationToken">Ends the wait for the keys.</param>
    /// <returns>What the token says.</returns>
    /// <exception cref="IdentityException"><see cref="IdentityError.TokenRefused"/>: it proves nothing; <see cref="IdentityError.AgentUnreachable"/>: there are no keys to check it by.</exception>
    public async Task<JwtSvid> ValidateAsync(string token, string audience, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(token);
        ArgumentException.ThrowIfNullOrEmpty(audience);
        using var timeout = new CancellationTokenSource(AttemptTimeout, _time);
        using var attempt = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            var bundles = await _bundles.GetAsync(attempt.Token).ConfigureAwait(false);
            return JwtSvidValidator.Check(token, bundles.GetValueOrDefault, [audience], _time.GetUtcNow(), out var svid) is { } fault
                ? throw new IdentityException(IdentityError.TokenRefused, $"The JWT-SVID proves nothing: {fault}.")
                : svid!;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw Explain(_bundles.Error);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _bundles.DisposeAsync().ConfigureAwait(false);
        _channel.Dispose();
    }

    private async Task<JwtSvid> AskAsync(string audience, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(AttemptTimeout, _time);
        using var attempt = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            var answer = await new SpiffeWorkloadAPI.SpiffeWorkloadAPIClient(_channel)
                .FetchJWTSVIDAsync(new JWTSVIDRequest { Audience = { audience } }, WorkloadApiChannel.SecurityHeader, cancellationToken: attempt.Token).ConfigureAwait(false);
            var given = answer.Svids.FirstOrDefault(svid => _settings.Hint.Length == 0 || string.Equals(svid.Hint, _settings.Hint, StringComparison.Ordinal))
                ?? throw new IdentityException(IdentityError.NotAllowed, $"The SPIFFE agent at {_settings.Address} has no JWT-SVID for this process and hint '{_settings.Hint}'.");
            return JwtSvidValidator.CheckOwn(given.Svid, [audience], _time.GetUtcNow(), given.Hint, out var svid) is { } fault
                ? throw new IdentityException(IdentityError.BadAnswer, $"The JWT-SVID that the SPIFFE agent at {_settings.Address} gave is not usable: {fault}.")
                : svid!;
        }
        catch (RpcException error) when (!cancellationToken.IsCancellationRequested)
        {
            throw Explain(error);
        }
        catch (RpcException error)
        {
            throw new OperationCanceledException("The wait for a JWT-SVID was given up.", error, cancellationToken);
        }
    }

    private IdentityException Explain(RpcException? error) => error?.StatusCode switch
    {
        StatusCode.PermissionDenied => new(IdentityError.NotAllowed, $"The SPIFFE agent at {_settings.Address} has no identity for this process: {error.Status.Detail} Register the workload there (with SPIRE: 'spire-server entry create').", error),
        StatusCode.Unimplemented => new(IdentityError.BadAnswer, $"What listens at {_settings.Address} gives no JWT-SVIDs.", error),
        _ => new(IdentityError.AgentUnreachable, $"The SPIFFE agent at {_settings.Address} gave no answer about JWT-SVIDs ({(error is null ? "time is up" : $"{error.StatusCode}: {error.Status.Detail}")}). Check that it runs.", error),
    };
}
