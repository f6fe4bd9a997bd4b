using System.Collections.Frozen;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane;

/// <summary>The join tokens of a mesh: each lets a process prove, a limited number of times, that it may be one service account. Thread safe.</summary>
public sealed partial class JoinTokens : IDisposable
{
    /// <summary>In place of a namespace or service account: any. For development.</summary>
    public const string Any = "*";

    private const int RecentKeys = 8;

    private static readonly TimeSpan MaxLifetime = TimeSpan.FromDays(3653);

    private static readonly TimeSpan KeptAfterExpiry = TimeSpan.FromDays(1);

    // Longer than any certificate lives: by then nothing that came by the token is left to renew.
    private static readonly TimeSpan KeptAfterRevocation = TimeSpan.FromDays(91);

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly JoinTokenFile _file;
    private readonly CertificateAuthority _authority;
    private readonly TimeProvider _time;
    private readonly ILogger<JoinTokens> _logger;
    private readonly LeafLedger? _ledger;
    private readonly AuditLog? _audit;
    private readonly Dictionary<string, JoinTokenRecord> _records;
    private FrozenSet<string> _revoked;

    internal JoinTokens(JoinTokenFile file, CertificateAuthority authority, TimeProvider time, ILogger<JoinTokens> logger, LeafLedger? ledger = null, AuditLog? audit = null)
    {
        (_file, _authority, _time, _logger, _ledger, _audit) = (file, authority, time, logger, ledger, audit);
        _records = file.Load();
        _revoked = Revoked();
    }

    /// <summary>Makes a token. Its text is shown here and never again: only a hash is kept.</summary>
    /// <param name="namespaceName">The namespace it is for; <c>*</c> for any, meant for development.</param>
    /// <param name="serviceAccount">The service account it is for; <c>*</c> for any, meant for development.</param>
    /// <param name="lifetime">How long it may be used. 1 second to 10 years.</param>
    /// <param name="maxUses">How many certificates may be issued by it; 0 for any number.</param>
    /// <param name="cancellationToken">Gives up before the token is stored.</param>
    /// <returns>The token, for <c>Mesh:JoinToken</c>.</returns>
    /// <exception cref="ArgumentException">A value is out of range or no part of a SPIFFE ID.</exception>
    /// <exception cref="MeshControlPlaneException">It could not be stored.</exception>
    public async Task<string> CreateAsync(string namespaceName, string serviceAccount, TimeSpan lifetime, int maxUses, CancellationToken cancellationToken = default)
    {
        CheckBound(namespaceName, serviceAccount);
        if (lifetime < TimeSpan.FromSeconds(1) || lifetime > MaxLifetime)
        {
            throw new ArgumentOutOfRangeException(nameof(lifetime), lifetime, $"A token's lifetime must be between 1 second and {MaxLifetime.TotalDays:0} days.");
        }

        ArgumentOutOfRangeException.ThrowIfNegative(maxUses);
        var token = JoinToken.Create(_authority.RootHash.Span);
        await _turn.WaitAsync(cancellationToken);
        try
        {
            var now = _time.GetUtcNow();
            var record = new JoinTokenRecord
            {
                Id = token.Id,
                SecretHash = SHA256.HashData(token.Secret.Span),
                Namespace = namespaceName,
                ServiceAccount = serviceAccount,
                CreatedAt = now,
                ExpiresAt = now + lifetime,
                MaxUses = maxUses,
            };
            var old = _records.Values.Where(kept => !IsKept(kept, now)).ToList();
            _file.Save(_records.Values.Except(old).Append(record));
            old.ForEach(gone => _records.Remove(gone.Id));
            _records.Add(token.Id, record);
            LogCreated(token.Id, namespaceName, serviceAccount, record.ExpiresAt, maxUses);
            _audit?.Write(_audit.Now("token-created") with { Token = token.Id, ExpiresAt = record.ExpiresAt, Reason = $"for {namespaceName}/{serviceAccount}, uses: {maxUses}" });
        }
        finally
        {
            _turn.Release();
        }

        return token.Text;
    }

    /// <summary>Lists the tokens, used up and expired ones included until they are tidied away a day later.</summary>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>What may be shown of each, oldest first.</returns>
    public async Task<IReadOnlyList<JoinTokenSummary>> ListAsync(CancellationToken cancellationToken = default)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            return [.. _records.Values.OrderBy(static record => record.CreatedAt).Select(static record => record.Summarize())];
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Revokes a token. Certificates that were issued by it stay valid until they expire, and are not renewed.</summary>
    /// <param name="id">Its id, the second part of its text.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Whether there was such a token, not revoked yet.</returns>
    /// <exception cref="MeshControlPlaneException">It could not be stored; the token is still good.</exception>
    public async Task<bool> RevokeAsync(string id, CancellationToken cancellationToken = default)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (!_records.TryGetValue(id, out var record) || record.RevokedAt is not null)
            {
                return false;
            }

            var revoked = record with { RevokedAt = _time.GetUtcNow() };
            _file.Save(_records.Values.Where(other => other.Id != id).Append(revoked));
            _records[id] = revoked;
            Volatile.Write(ref _revoked, Revoked());
            LogRevoked(id);
            _audit?.Write(_audit.Now("token-revoked") with { Token = id });
            return true;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Frees the lock between callers.</summary>
    public void Dispose() => _turn.Dispose();

    /// <summary>What a token that is shown is bound to; null when it is not known here. Takes no use and tells nothing of its state.</summary>
    internal async Task<JoinTokenSummary?> FindAsync(string text, CancellationToken cancellationToken)
    {
        if (!JoinToken.TryParse(text, out var token))
        {
            return null;
        }

        await _turn.WaitAsync(cancellationToken);
        try
        {
            return FindLocked(token)?.Summarize();
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Whether who joins by a token will trust us also after a rotation that is under way.</summary>
    internal bool IsByRootOfToday(JoinToken token) => _authority.RootHash.Span.SequenceEqual(token.RootHash.Span);

    /// <summary>Whether a token was revoked: what came by it is not renewed.</summary>
    internal bool IsRevoked(string id) => Volatile.Read(ref _revoked).Contains(id);

    /// <summary>Takes one use of a token for a key and an identity. The use is on disk when this returns.</summary>
    internal async Task<JoinTokenVerdict> RedeemAsync(string text, string namespaceName, string serviceAccount, ReadOnlyMemory<byte> publicKey, CancellationToken cancellationToken)
    {
        if (!JoinToken.TryParse(text, out var token))
        {
            return JoinTokenVerdict.Unknown;
        }

        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (FindLocked(token) is not { } record)
            {
                return JoinTokenVerdict.Unknown;
            }

            if (record.ExpiresAt <= _time.GetUtcNow())
            {
                return JoinTokenVerdict.Expired;
            }

            if (!record.Covers(namespaceName, serviceAccount))
            {
                return JoinTokenVerdict.NotForThis;
            }

            return Use(record, SHA256.HashData(publicKey.Span)) ? JoinTokenVerdict.Good : JoinTokenVerdict.UsedUp;
        }
        finally
        {
            _turn.Release();
        }
    }

    // The secret is compared before anything is told about the token.
    private JoinTokenRecord? FindLocked(JoinToken token)
        => _records.TryGetValue(token.Id, out var record) && CryptographicOperations.FixedTimeEquals(record.SecretHash, SHA256.HashData(token.Secret.Span)) && record.RevokedAt is null ? record : null;

    private FrozenSet<string> Revoked() => _records.Values.Where(static record => record.RevokedAt is not null).Select(static record => record.Id).ToFrozenSet(StringComparer.Ordinal);

    // Whoever came by a token can still be cut off by revoking it, also after the token itself has expired.
    private bool IsKept(JoinTokenRecord record, DateTimeOffset now)
        => record.RevokedAt is { } revokedAt ? revokedAt + KeptAfterRevocation > now : record.ExpiresAt + KeptAfterExpiry > now || _ledger?.HasToken(record.Id) == true;

    private bool Use(JoinTokenRecord record, byte[] keyHash)
    {
        if (record.RecentKeys.Any(known => known.AsSpan().SequenceEqual(keyHash)))
        {
            return true;
        }

        if (record.IsUsedUp)
        {
            return false;
        }

        var used = record with { Uses = record.Uses + 1, RecentKeys = [.. record.RecentKeys.TakeLast(RecentKeys - 1), keyHash] };

        // An unlimited token's count is only for the eye: it is written with the next change.
        if (record.MaxUses > 0)
        {
            _file.Save(_records.Values.Where(other => other.Id != record.Id).Append(used));
        }

        _records[record.Id] = used;
        return true;
    }

    private static void CheckBound(string namespaceName, string serviceAccount)
    {
        if (!IsName(namespaceName) || !IsName(serviceAccount))
        {
            throw new ArgumentException($"A token is for a namespace and a service account, or '{Any}' for any; '{namespaceName}' and '{serviceAccount}' are not that. Use letters, digits, '.', '-' and '_'.");
        }

        if (namespaceName == ControlPlaneIdentity.Namespace)
        {
            throw new ArgumentException($"Namespace '{ControlPlaneIdentity.Namespace}' is the control plane's own: no workload may join it.", nameof(namespaceName));
        }
    }

    private static bool IsName(string name) => name == Any || SpiffeIdSyntax.IsSegment(name);

    [LoggerMessage(6510, LogLevel.Information, "Created join token {TokenId} for service account '{ServiceAccount}' in namespace '{Namespace}', until {ExpiresAt:u}, uses: {MaxUses} (0 = any number).")]
    private partial void LogCreated(string tokenId, string @namespace, string serviceAccount, DateTimeOffset expiresAt, int maxUses);

    [LoggerMessage(6511, LogLevel.Information, "Revoked join token {TokenId}.")]
    private partial void LogRevoked(string tokenId);
}
