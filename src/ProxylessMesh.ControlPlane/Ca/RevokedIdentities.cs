using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>
/// The identities that nobody may have and no server may take: <c>revoked-identities.json</c> in the state folder, replaced whole. The control
/// plane issues them nothing, ends their streams and leases, and every server gets a filter that denies them. Thread safe.
/// </summary>
internal sealed partial class RevokedIdentities
{
    /// <summary>Every server carries the list: it must stay small. Identities are revoked by hand.</summary>
    public const int Max = 1000;

    private const int MaxBytes = 4 * 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly string _path;
    private readonly TimeProvider _time;
    private readonly AuditLog _audit;
    private readonly ILogger<RevokedIdentities> _logger;
    private ImmutableArray<RevokedIdentity> _list;
    private FrozenSet<string> _ids;

    public RevokedIdentities(StateFolder folder, TimeProvider time, AuditLog audit, ILogger<RevokedIdentities> logger)
    {
        (_path, _time, _audit, _logger) = (folder.PathOf("revoked-identities.json"), time, audit, logger);
        _list = Load();
        _ids = Ids(_list);
    }

    /// <summary>Raised after the list has changed.</summary>
    public event Action? Changed;

    /// <summary>In the order of their IDs; the same object until it changes.</summary>
    public ImmutableArray<RevokedIdentity> List
    {
        get
        {
            lock (_gate)
            {
                return _list;
            }
        }
    }

    public bool Contains(SpiffeId id) => Volatile.Read(ref _ids) is { Count: > 0 } ids && ids.Contains(id.ToString());

    /// <summary>Revokes; again is without effect.</summary>
    /// <exception cref="MeshControlPlaneException">It cannot be kept, or there are too many; nothing has changed.</exception>
    public void Revoke(SpiffeId id, string reason)
    {
        lock (_gate)
        {
            if (_ids.Contains(id.ToString()))
            {
                return;
            }

            if (_list.Length >= Max)
            {
                throw new MeshControlPlaneException($"{Max} identities are revoked already, and every server carries the list. Restore those whose certificates have expired and whose tokens are revoked ('mesh ca revoked').");
            }

            ReplaceLocked([.. _list.Append(new RevokedIdentity(id.ToString(), _time.GetUtcNow(), reason)).OrderBy(static revoked => revoked.Id, StringComparer.Ordinal)]);
            _audit.Write(_audit.Now("identity-revoked") with { Id = id.ToString(), Reason = reason });
            LogRevoked(id, reason);
        }

        Changed?.Invoke();
    }

    /// <summary>Takes an identity back. Returns whether it was revoked.</summary>
    /// <exception cref="MeshControlPlaneException">It cannot be kept; nothing has changed.</exception>
    public bool Restore(SpiffeId id)
    {
        lock (_gate)
        {
            if (!_ids.Contains(id.ToString()))
            {
                return false;
            }

            ReplaceLocked(_list.RemoveAll(revoked => revoked.Id == id.ToString()));
            _audit.Write(_audit.Now("identity-restored") with { Id = id.ToString() });
            LogRestored(id);
        }

        Changed?.Invoke();
        return true;
    }

    private void ReplaceLocked(ImmutableArray<RevokedIdentity> list)
    {
        try
        {
            AtomicFile.WriteSecret(_path, JsonSerializer.SerializeToUtf8Bytes([.. list], RevokedJson.Default.RevokedIdentityArray));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MeshControlPlaneException($"The revoked identities cannot be kept in '{_path}': {error.Message} Make the state folder writable and see that the disk is not full.", error);
        }

        _list = list;
        Volatile.Write(ref _ids, Ids(list));
    }

    private ImmutableArray<RevokedIdentity> Load()
    {
        try
        {
            return PrivateFile.Read(_path, MaxBytes) is { } content ? [.. JsonSerializer.Deserialize(content, RevokedJson.Default.RevokedIdentityArray)!] : [];
        }
        catch (Exception error) when (error is JsonException or IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new MeshControlPlaneException($"The revoked identities in '{_path}' cannot be read: {error.Message} Restore the file from a backup; without it they would be let in again.", error);
        }
    }

    private static FrozenSet<string> Ids(ImmutableArray<RevokedIdentity> list) => list.Select(static revoked => revoked.Id).ToFrozenSet(StringComparer.Ordinal);

    [LoggerMessage(6508, LogLevel.Warning, "Identity {Id} is revoked: {Reason}")]
    private partial void LogRevoked(SpiffeId id, string reason);

    [LoggerMessage(6509, LogLevel.Warning, "Identity {Id} is no longer revoked.")]
    private partial void LogRestored(SpiffeId id);
}

/// <param name="Id">The SPIFFE ID.</param>
/// <param name="Since">Since when.</param>
/// <param name="Reason">Why, as the operator said.</param>
internal sealed record RevokedIdentity(string Id, DateTimeOffset Since, string Reason);

/// <summary>The file of revoked identities.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(RevokedIdentity[]))]
internal sealed partial class RevokedJson : JsonSerializerContext;
