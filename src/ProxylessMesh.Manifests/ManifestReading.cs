using System.Collections.Immutable;

namespace ProxylessMesh.Manifests;

/// <summary>What came of reading files: the valid manifests and everything that is wrong with the others.</summary>
public sealed class ManifestReading
{
    internal ManifestReading(ManifestSet manifests, ImmutableArray<ManifestError> findings)
    {
        Manifests = manifests;
        Errors = [.. findings.Where(finding => finding.Severity == ManifestErrorSeverity.Error)];
        Warnings = [.. findings.Where(finding => finding.Severity == ManifestErrorSeverity.Warning)];
    }

    /// <summary>The manifests without errors. With <see cref="Errors"/>, only a part of what was written: do not put it in force.</summary>
    public ManifestSet Manifests { get; }

    /// <summary>Every mistake, by file, line and column.</summary>
    public ImmutableArray<ManifestError> Errors { get; }

    /// <summary>What works but looks unintended, by file, line and column.</summary>
    public ImmutableArray<ManifestError> Warnings { get; }

    /// <summary>No errors; there may be warnings.</summary>
    public bool IsValid => Errors.IsEmpty;
}
