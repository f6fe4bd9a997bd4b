using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ProxylessMesh.Manifests;

namespace ProxylessMesh.ControlPlane.Store;

/// <summary>
/// The manifests in force. Each accepted change of the folder becomes a numbered revision that is kept before it counts; mistakes never
/// take away what was good. Thread safe.
/// </summary>
internal sealed partial class ManifestStore : IDisposable
{
    private readonly ManifestFolder _folder;
    private readonly RevisionLog _revisions;
    private readonly TimeProvider _time;
    private readonly ILogger<ManifestStore> _logger;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private ImmutableArray<ManifestFile> _written;
    private ManifestRevision _current;

    /// <summary>Reads the last good revision from the state folder and then the manifest folder.</summary>
    public ManifestStore(IOptions<MeshControlPlaneOptions> options, StateFolder state, TimeProvider time, ILogger<ManifestStore> logger)
    {
        (_time, _logger) = (time, logger);
        _folder = new ManifestFolder(options.Value.ManifestFolder);
        _revisions = new RevisionLog(state.PathOf("revisions"), options.Value.RevisionHistory, logger);
        _current = _revisions.Latest() is { } latest ? Restore(latest) : new ManifestRevision(0, ManifestSet.Empty);
        RefreshLocked();
    }

    /// <summary>Raised after <see cref="Current"/> changed. Return quickly.</summary>
    public event Action? Changed;

    public ManifestRevision Current => Volatile.Read(ref _current);

    public string Folder => _folder.FullPath;

    /// <summary>Takes over what changed in the folder.</summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            RefreshLocked();
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Checks files together with those in force, and if all are valid, writes them into the folder and puts them in force.</summary>
    /// <returns>All mistakes; none when it was applied.</returns>
    public async Task<ImmutableArray<ManifestError>> ApplyAsync(IReadOnlyCollection<ManifestFile> files, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            var names = files.Select(static file => file.Name).ToHashSet(StringComparer.Ordinal);
            var reading = ManifestReader.Read([.. Current.Files.Where(file => !names.Contains(file.Name)), .. files]);
            if (reading.IsValid)
            {
                foreach (var file in files)
                {
                    _folder.Write(file.Name, file.Text);
                }

                RefreshLocked();
            }

            return reading.Errors;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Deletes a file, unless what is left would not be valid.</summary>
    /// <returns>Null when there is no such file; otherwise all mistakes, none when it was deleted.</returns>
    public async Task<ImmutableArray<ManifestError>?> DeleteAsync(string name, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            var reading = ManifestReader.Read(Current.Files.Where(file => file.Name != name));
            if (!reading.IsValid)
            {
                return reading.Errors;
            }

            if (!_folder.Delete(name))
            {
                return null;
            }

            RefreshLocked();
            return [];
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>The revisions that are kept, newest first.</summary>
    public async Task<IReadOnlyList<StoredRevision>> RevisionsAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            return [.. _revisions.All()];
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose() => _turn.Dispose();

    private static ManifestRevision Restore(StoredRevision stored)
    {
        ImmutableArray<ManifestFile> files = [.. stored.Files.Select(static file => new ManifestFile(file.Name, file.Text))];
        return new ManifestRevision(stored.Number, ManifestReader.Read(files).Manifests) { Files = files };
    }

    private void RefreshLocked()
    {
        try
        {
            var written = _folder.Read();
            if (!_written.IsDefault && written.SequenceEqual(_written))
            {
                return;
            }

            _written = written;
            Take(ManifestAcceptance.Decide(written, Current.Files));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            _written = default;
            Report([new ManifestError { File = _folder.FullPath, Line = 1, Column = 1, Problem = exception.Message.TrimEnd('.'), Cure = "Make the folder and its files readable" }]);
        }
    }

    private void Take(ManifestAcceptance accepted)
    {
        var before = Current;
        if (accepted.Files.SequenceEqual(before.Files))
        {
            Report(accepted.Errors);
            return;
        }

        var number = Keep(accepted, before.Number);
        Volatile.Write(ref _current, new ManifestRevision(number, accepted.Reading.Manifests) { Files = accepted.Files, Errors = before.Errors });
        LogAccepted(number, accepted.Reading.Manifests.All.Length, accepted.Files.Length);
        foreach (var warning in accepted.Reading.Warnings)
        {
            LogWarning(warning);
        }

        Report(accepted.Errors);
        Changed?.Invoke();
    }

    private long Keep(ManifestAcceptance accepted, long before)
    {
        try
        {
            var revision = new StoredRevision(Math.Max(before + 1, _revisions.NextNumber()), _time.GetUtcNow(), [.. accepted.Files.Select(static file => new StoredFile(file.Name, file.Text))]);
            _revisions.Add(revision);
            return revision.Number;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // It is in force all the same: the folder has it, and a change may be urgent.
            LogNotKept(exception, before + 1);
            return before + 1;
        }
    }

    // Once per mistake, not once per look at the folder.
    private void Report(ImmutableArray<ManifestError> errors)
    {
        var before = Current.Errors;
        foreach (var error in errors.Except(before))
        {
            LogError(error);
        }

        if (!errors.SequenceEqual(before))
        {
            Volatile.Write(ref _current, Current with { Errors = errors });
        }
    }

    [LoggerMessage(6110, LogLevel.Information, "Revision {Number} is in force: {Manifests} manifests in {Files} files.")]
    private partial void LogAccepted(long number, int manifests, int files);

    [LoggerMessage(6111, LogLevel.Warning, "The last good version stays in force. {Error}")]
    private partial void LogError(ManifestError error);

    [LoggerMessage(6112, LogLevel.Warning, "{Warning}")]
    private partial void LogWarning(ManifestError warning);

    [LoggerMessage(6113, LogLevel.Error, "Revision {Number} is in force but could not be kept in the state folder. Make room or mend its permissions: until then a restart relies on the manifest folder alone.")]
    private partial void LogNotKept(Exception exception, long number);
}
