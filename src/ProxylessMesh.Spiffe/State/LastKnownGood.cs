using System.Globalization;
using System.Text;
using ProxylessMesh.Protos.V1;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// The last snapshot that the control plane signed for this workload, in a file: what a process starts from when the control plane is
/// away. Believed only as far as the signature, the workload's own ID, its age and its version allow.
/// </summary>
/// <remarks>
/// <c>snapshot.cms</c> is the signed content; <c>snapshot.version</c> is the version below which nothing is believed any more. Whoever can write
/// both can put back an older pair: the age limit is what bounds that. Not for two threads at once.
/// </remarks>
internal sealed class LastKnownGood(string folder, TimeSpan maxAge, TimeProvider time)
{
    /// <summary>How far the clocks of the two machines may differ.</summary>
    private static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(5);

    private readonly string _path = Path.Combine(folder, "snapshot.cms");
    private readonly string _floorPath = Path.Combine(folder, "snapshot.version");

    /// <summary>The content of the file, verified; <see langword="null"/> when there is no file.</summary>
    /// <exception cref="IdentityException"><see cref="IdentityError.BadFile"/>: why the file is refused, and the cure.</exception>
    public SnapshotContent? TryLoad(WorkloadIdentity identity)
    {
        try
        {
            if (PrivateFile.Read(_path, SnapshotSignature.MaxBytes) is not { } content)
            {
                return null;
            }

            return Check(content, identity, out var snapshot) is { } fault
                ? throw new IdentityException(IdentityError.BadFile, $"The last known good snapshot in '{_path}' is refused: {fault}. It is replaced once the control plane is reached; until then this process has no configuration.")
                : snapshot;
        }
        catch (Exception error) when (error is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new IdentityException(IdentityError.BadFile, $"The last known good snapshot in '{folder}' cannot be read: {error.Message} Check Mesh:State:Folder and its permissions.", error);
        }
    }

    /// <summary>Verifies what the control plane answered and replaces the file. Returns the content.</summary>
    /// <exception cref="IdentityException">
    /// <see cref="IdentityError.BadAnswer"/>: the answer does not verify; the old file stays. <see cref="IdentityError.BadFile"/>: it cannot be written.
    /// </exception>
    public Task<SnapshotContent> SaveAsync(ReadOnlyMemory<byte> cms, WorkloadIdentity identity, CancellationToken cancellationToken)
        => Task.Run(() => Save(cms.Span, identity), cancellationToken);

    private SnapshotContent Save(ReadOnlySpan<byte> cms, WorkloadIdentity identity)
    {
        try
        {
            if (Check(cms, identity, out var snapshot) is { } fault)
            {
                throw new IdentityException(IdentityError.BadAnswer, $"The control plane's signed snapshot is refused: {fault}. The one before stays in '{_path}'.");
            }

            PrivateFile.CreateFolder(folder);
            PrivateFile.Replace(_path, cms);

            // After the file: a crash in between leaves a floor that is too low, never one that refuses the file.
            PrivateFile.Replace(_floorPath, Encoding.ASCII.GetBytes(snapshot!.Version.ToString(CultureInfo.InvariantCulture)));
            return snapshot;
        }
        catch (Exception error) when (error is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new IdentityException(IdentityError.BadFile, $"The last known good snapshot cannot be kept in '{folder}': {error.Message} Check Mesh:State:Folder and its permissions.", error);
        }
    }

    private string? Check(ReadOnlySpan<byte> cms, WorkloadIdentity identity, out SnapshotContent? snapshot)
    {
        snapshot = null;
        if (!identity.Bundles.TryGet(identity.Id.TrustDomain, out var bundle))
        {
            return $"the roots of trust domain '{identity.Id.TrustDomain}' are not known";
        }

        if (SnapshotSignature.Verify(cms, bundle, out var content) is { } fault)
        {
            return fault;
        }

        if (!string.Equals(content!.SpiffeId, identity.Id.ToString(), StringComparison.Ordinal))
        {
            return $"it was made for '{content.SpiffeId}', and this workload is '{identity.Id}'";
        }

        var age = time.GetUtcNow() - content.IssuedAt.ToDateTimeOffset();
        if (age > maxAge || age < -ClockSkew)
        {
            return $"it was signed at {content.IssuedAt.ToDateTimeOffset():u}, {age.TotalMinutes:0} minutes ago; at most {maxAge.TotalMinutes:0} are allowed (Mesh:State:MaxAge)";
        }

        if (content.Version < Floor())
        {
            return $"its version {content.Version} is older than {Floor()}, which this workload has had already";
        }

        snapshot = content;
        return null;
    }

    private ulong Floor()
    {
        var text = PrivateFile.Read(_floorPath, 64);
        return text is null ? 0
            : ulong.TryParse(Encoding.ASCII.GetString(text), CultureInfo.InvariantCulture, out var floor) ? floor
            : throw new IOException($"'{_floorPath}' does not hold a version. Delete it together with 'snapshot.cms'.");
    }
}
