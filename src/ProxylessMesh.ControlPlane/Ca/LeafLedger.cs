using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using ProxylessMesh.ControlPlane.Store;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>
/// Which certificates are out there: what tells whether a root is still needed, who has the newest, and which token an identity came
/// by. A journal of lines that is written anew when most of it has expired; a line torn by a crash is passed over. Thread safe.
/// </summary>
/// <remarks>
/// A disk that takes no lines must not stop renewals: that is logged, and what is in memory counts until the next start.
/// </remarks>
internal sealed partial class LeafLedger : IDisposable
{
    private const int MinLinesToCompact = 1000;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, LeafRecord> _leaves = new(StringComparer.Ordinal);

    // By the serial number of what was renewed: the renewal.
    private readonly Dictionary<string, string> _renewals = new(StringComparer.Ordinal);
    private readonly string _path;
    private readonly TimeProvider _time;
    private readonly ILogger<LeafLedger> _logger;
    private FileStream? _file;
    private int _lines;
    private int _compactAt;

    public LeafLedger(StateFolder folder, TimeProvider time, ILogger<LeafLedger> logger)
    {
        (_path, _time, _logger) = (folder.PathOf("leaves.jsonl"), time, logger);
        Load();
        CompactLocked();
    }

    /// <summary>A certificate was issued.</summary>
    public void Add(LeafRecord leaf)
    {
        lock (_gate)
        {
            PutLocked(leaf);
            AppendLocked(leaf);
        }
    }

    /// <summary>The certificate with this serial number, if it was issued here and has not expired.</summary>
    public LeafRecord? Find(string serial)
    {
        lock (_gate)
        {
            return _leaves.GetValueOrDefault(serial) is { } leaf && leaf.ExpiresAt > _time.GetUtcNow() ? leaf : null;
        }
    }

    /// <summary>What the holder of a certificate has by now: the last of its renewals.</summary>
    public LeafRecord? FindLast(string serial)
    {
        lock (_gate)
        {
            return _leaves.GetValueOrDefault(LastLocked(serial));
        }
    }

    /// <summary>The holder of a certificate went in order, or is back.</summary>
    public void NoteHolder(string serial, bool hasLeft)
    {
        lock (_gate)
        {
            if (_leaves.GetValueOrDefault(LastLocked(serial)) is { } leaf && leaf.HasLeft != hasLeft)
            {
                PutLocked(leaf with { HasLeft = hasLeft });
                AppendLocked(leaf with { HasLeft = hasLeft });
            }
        }
    }

    /// <summary>What is in use: not expired, not renewed, and its holder has not gone in order.</summary>
    public IReadOnlyList<LeafRecord> InUse()
    {
        var now = _time.GetUtcNow();
        lock (_gate)
        {
            return [.. _leaves.Values.Where(leaf => leaf.ExpiresAt > now && !leaf.HasLeft && !_renewals.ContainsKey(leaf.Serial))];
        }
    }

    /// <summary>Whether anybody still has a certificate by way of a join token.</summary>
    public bool HasToken(string token)
    {
        var now = _time.GetUtcNow();
        lock (_gate)
        {
            return _leaves.Values.Any(leaf => leaf.Token == token && leaf.ExpiresAt > now);
        }
    }

    public void Dispose() => _file?.Dispose();

    // A renewal whose answer got lost is asked for again by the same certificate: it goes on from the last one.
    private string LastLocked(string serial)
    {
        for (var steps = 0; steps < _leaves.Count && _renewals.TryGetValue(serial, out var next); steps++)
        {
            serial = next;
        }

        return serial;
    }

    private void PutLocked(LeafRecord leaf)
    {
        if (leaf.Renews.Length > 0 && !_leaves.ContainsKey(leaf.Serial))
        {
            _renewals[LastLocked(leaf.Renews)] = leaf.Serial;
        }

        _leaves[leaf.Serial] = leaf;
    }

    private void Load()
    {
        try
        {
            foreach (var line in File.Exists(_path) ? File.ReadLines(_path) : [])
            {
                if (TryRead(line) is { } leaf)
                {
                    PutLocked(leaf);
                }
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new MeshControlPlaneException($"The list of issued certificates in '{_path}' cannot be read: {error.Message} Make it readable, or delete it: revoked tokens then end no renewals of certificates issued before, and 'mesh ca rotate' does not know of them.", error);
        }
    }

    private static LeafRecord? TryRead(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, LeafJson.Default.LeafRecord);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private void AppendLocked(LeafRecord leaf)
    {
        try
        {
            if (++_lines > _compactAt)
            {
                CompactLocked();
                return;
            }

            // A line feed first: what a crash has torn must not swallow this line.
            (_file ??= Open()).Write(Encoding.UTF8.GetBytes($"\n{JsonSerializer.Serialize(leaf, LeafJson.Default.LeafRecord)}"));
            _file.Flush(flushToDisk: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            LogNotKept(_path, error);
        }
    }

    private void CompactLocked()
    {
        var now = _time.GetUtcNow();
        foreach (var gone in _leaves.Values.Where(leaf => leaf.ExpiresAt <= now).ToList())
        {
            _leaves.Remove(gone.Serial);
            _renewals.Remove(gone.Serial);
        }

        // By what is in use now: what expires later must not keep it from being cleared away.
        _compactAt = MinLinesToCompact + (2 * _leaves.Count);
        try
        {
            _file?.Dispose();
            _file = null;

            _lines = _leaves.Count;

            // Renewals after what they renew.
            AtomicFile.WriteSecret(_path, Encoding.UTF8.GetBytes(string.Join('\n', _leaves.Values.Select(static leaf => JsonSerializer.Serialize(leaf, LeafJson.Default.LeafRecord)))));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            LogNotKept(_path, error);
        }
    }

    private FileStream Open() => new(_path, FileMode.Append, FileAccess.Write, FileShare.Read);

    [LoggerMessage(6506, LogLevel.Error, "What was issued cannot be noted in '{Path}'. Make the state folder writable and see that the disk is not full: until then a restart forgets it.")]
    private partial void LogNotKept(string path, Exception error);
}
