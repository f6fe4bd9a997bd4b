using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using ProxylessMesh.ControlPlane.Store;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>
/// What the CA did and refused, for an auditor: <c>audit.jsonl</c> in the state folder, one JSON object a line, only ever appended to. A
/// full file becomes <c>audit.1.jsonl</c>, that one <c>audit.2.jsonl</c> and so on; the oldest goes. Thread safe.
/// </summary>
internal sealed partial class AuditLog(StateFolder folder, TimeProvider time, ILogger<AuditLog> logger) : IDisposable
{
    /// <summary>Files kept beside the one that is written.</summary>
    public const int KeptFiles = 7;

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly Lock _gate = new();
    private FileStream? _file;
    private bool _isFailing;

    /// <summary>The size at which a file is full.</summary>
    public long MaxBytes { get; init; } = 8 * 1024 * 1024;

    /// <summary>An event of this moment.</summary>
    public AuditEvent Now(string name) => new(time.GetUtcNow(), name);

    /// <summary>Appends. A disk that takes nothing is logged once and stops nobody: the same events are in the process's own log.</summary>
    public void Write(AuditEvent entry)
    {
        var line = JsonSerializer.SerializeToUtf8Bytes(entry, AuditJson.Default.AuditEvent);
        lock (_gate)
        {
            try
            {
                _file ??= Open();
                if (_file.Length > 0 && _file.Length + line.Length > MaxBytes)
                {
                    Turn();
                }

                // In one write, so that readers see whole lines.
                _file.Write([.. line, (byte)'\n']);
                _file.Flush();
                _isFailing = false;
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                if (!_isFailing)
                {
                    LogNotWritten(PathOf(0), error);
                }

                _isFailing = true;
            }
        }
    }

    public void Dispose() => _file?.Dispose();

    private void Turn()
    {
        _file!.Dispose();
        _file = null;
        for (var number = KeptFiles - 1; number >= 0; number--)
        {
            if (File.Exists(PathOf(number)))
            {
                File.Move(PathOf(number), PathOf(number + 1), overwrite: true);
            }
        }

        _file = Open();
    }

    private FileStream Open()
    {
        var options = new FileStreamOptions { Mode = FileMode.Append, Access = FileAccess.Write, Share = FileShare.Read };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }

        return new FileStream(PathOf(0), options);
    }

    private string PathOf(int number) => folder.PathOf(number == 0 ? "audit.jsonl" : string.Create(CultureInfo.InvariantCulture, $"audit.{number}.jsonl"));

    [LoggerMessage(6507, LogLevel.Error, "The CA's audit log '{Path}' cannot be written. Make the state folder writable and see that the disk is not full.")]
    private partial void LogNotWritten(string path, Exception error);
}
