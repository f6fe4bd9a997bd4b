using ProxylessMesh.Protos.V1;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// The last snapshot that the control plane signed for this workload, in a file: what a process starts from when the control plane is
/// away. Believed only as far as the signature, the workload's own ID, its age and its version allow.
/// </summary>
internal sealed class LastKnownGood(string folder, TimeSpan maxAge, TimeProvider time)
{
    /// <summary>The content of the file, verified; <see langword="null"/> when there is no file.</summary>
    /// <exception cref="IdentityException"><see cref="IdentityError.BadFile"/>: why the file is refused, and the cure.</exception>
    public SnapshotContent? TryLoad(WorkloadIdentity identity) => throw new NotSupportedException(folder + maxAge + time + identity);

    /// <summary>Verifies what the control plane answered and replaces the file. Returns the content.</summary>
    /// <exception cref="IdentityException"><see cref="IdentityError.BadAnswer"/>: the answer does not verify; the old file stays.</exception>
    public Task<SnapshotContent> SaveAsync(ReadOnlyMemory<byte> cms, WorkloadIdentity identity, CancellationToken cancellationToken) => throw new NotSupportedException();
}
