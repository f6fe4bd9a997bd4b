namespace ProxylessMesh.Spiffe;

/// <summary>
/// A leaf with its key, chain and bundles in an encrypted PKCS#12 file, mode 0600, its password derived (HKDF) from the join token: for
/// starts without the control plane (<c>Mesh:State:SealIdentity</c>).
/// </summary>
internal sealed class SealedIdentity(string path, JoinToken token, TimeProvider time)
{
    /// <summary>The identity of the file; <see langword="null"/> when there is no file, or its leaf has expired.</summary>
    /// <exception cref="IdentityException"><see cref="IdentityError.BadFile"/>: tampered with, sealed with another token, too large, unreadable.</exception>
    public WorkloadIdentity? TryLoad() => throw new NotSupportedException(path + token + time);

    /// <summary>Replaces the file: a crash leaves the old one or the new one, whole.</summary>
    public Task SaveAsync(WorkloadIdentity identity, CancellationToken cancellationToken) => throw new NotSupportedException();
}
