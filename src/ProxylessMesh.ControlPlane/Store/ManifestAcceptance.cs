using System.Collections.Immutable;
using ProxylessMesh.Manifests;

namespace ProxylessMesh.ControlPlane.Store;

/// <summary>
/// Decides what is put in force of what people wrote: all of it when it is valid; otherwise the last good version of the files with
/// mistakes beside the new version of the others; and where these do not go together, what was in force before. Pure.
/// </summary>
/// <param name="Files">What is in force.</param>
/// <param name="Reading">The manifests in it.</param>
/// <param name="Errors">Every mistake in what was written.</param>
internal sealed record ManifestAcceptance(ImmutableArray<ManifestFile> Files, ManifestReading Reading, ImmutableArray<ManifestError> Errors)
{
    /// <param name="written">The files as they are now.</param>
    /// <param name="lastGood">The files in force; valid together.</param>
    public static ManifestAcceptance Decide(ImmutableArray<ManifestFile> written, ImmutableArray<ManifestFile> lastGood)
    {
        var reading = ManifestReader.Read(written);
        var errors = reading.Errors;
        var candidate = written;
        while (!reading.IsValid)
        {
            var bad = reading.Errors.Select(static error => error.File).ToHashSet(StringComparer.Ordinal);
            var next = WithLastGood(candidate, lastGood, bad);
            if (next.SequenceEqual(candidate))
            {
                // The fault lies between files, for example a Service that is gone and a route that still names it.
                return new ManifestAcceptance(lastGood, ManifestReader.Read(lastGood), errors);
            }

            candidate = next;
            reading = ManifestReader.Read(candidate);
        }

        return new ManifestAcceptance(candidate, reading, errors);
    }

    // A file is replaced at most once and then equals its last good version, so the loop above ends.
    private static ImmutableArray<ManifestFile> WithLastGood(ImmutableArray<ManifestFile> files, ImmutableArray<ManifestFile> lastGood, HashSet<string> bad)
        => [.. files.Where(file => !bad.Contains(file.Name)), .. lastGood.Where(file => bad.Contains(file.Name) && files.Any(written => written.Name == file.Name))];
}
