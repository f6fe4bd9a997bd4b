using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace ProxylessMesh.ControlPlane.Store;

/// <summary>
/// The last revisions, one file each. A file begins with the hash of the rest, so that one that a crash or a disk left incomplete is
/// noticed and the revision before it is used. Not thread safe.
/// </summary>
internal sealed partial class RevisionLog
{
    private const string Suffix = ".revision";
    private const string Header = "proxylessmesh revision, sha256 ";
    private const int HeaderLength = 96;

    private readonly string _folder;
    private readonly int _history;
    private readonly ILogger _logger;

    public RevisionLog(string folder, int history, ILogger logger)
    {
        (_folder, _history, _logger) = (folder, history, logger);
        Directory.CreateDirectory(folder);
    }

    /// <summary>The newest revision that is whole; null when there is none.</summary>
    public StoredRevision? Latest() => Numbers().OrderDescending().Select(Read).FirstOrDefault(static revision => revision is not null);

    /// <summary>Every revision that is whole, newest first.</summary>
    public IEnumerable<StoredRevision> All() => Numbers().OrderDescending().Select(Read).OfType<StoredRevision>();

    public StoredRevision? Find(long number) => File.Exists(PathOf(number)) ? Read(number) : null;

    /// <summary>The number for the next revision: above every file there is, also one that is not whole.</summary>
    public long NextNumber() => Numbers().DefaultIfEmpty(0).Max() + 1;

    public void Add(StoredRevision revision)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(revision, StoreJson.Default.StoredRevision);
        AtomicFile.WriteSecret(PathOf(revision.Number), [.. Encoding.ASCII.GetBytes(HeaderOf(json)), .. json]);
        foreach (var number in Numbers().OrderDescending().Skip(_history).ToList())
        {
            File.Delete(PathOf(number));
        }
    }

    private static string HeaderOf(ReadOnlySpan<byte> json) => $"{Header}{Convert.ToHexStringLower(SHA256.HashData(json))}\n";

    private StoredRevision? Read(long number)
    {
        var path = PathOf(number);
        try
        {
            var content = File.ReadAllBytes(path);
            var json = content.AsSpan(Math.Min(HeaderLength, content.Length));
            if (content.AsSpan(0, content.Length - json.Length).SequenceEqual(Encoding.ASCII.GetBytes(HeaderOf(json))))
            {
                return JsonSerializer.Deserialize(json, StoreJson.Default.StoredRevision);
            }

            LogDamaged(path, "its hash does not fit");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException)
        {
            LogDamaged(path, exception.Message);
        }

        return null;
    }

    private IEnumerable<long> Numbers()
        => Directory.EnumerateFiles(_folder, "*" + Suffix)
            .Select(static path => long.TryParse(Path.GetFileNameWithoutExtension(path), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0)
            .Where(static number => number > 0);

    private string PathOf(long number) => Path.Combine(_folder, number.ToString("D12", CultureInfo.InvariantCulture) + Suffix);

    [LoggerMessage(6100, LogLevel.Warning, "Revision file '{Path}' is damaged ({Reason}); the revision before it is used.")]
    private partial void LogDamaged(string path, string reason);
}
