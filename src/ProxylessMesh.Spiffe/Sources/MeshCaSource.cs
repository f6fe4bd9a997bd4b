using Microsoft.Extensions.Logging;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// Certificates from the mesh's own CA: enrols with a join token, renews with the certificate in force, for as long as
/// <see cref="RunAsync"/> runs. Failures never end it: they show in <see cref="Status"/>, and are logged when they change.
/// </summary>
internal sealed class MeshCaSource(MeshCaSettings settings, TimeProvider time, ILogger<MeshCaSource> logger) : IdentitySource
{
    private readonly IdentityStatus _status = new() { State = IdentityState.Waiting };

    /// <summary>Raised after <see cref="Status"/> has changed.</summary>
    public event Action<IdentityStatus>? StatusChanged;

    public IdentityStatus Status => _status;

    /// <summary>Puts a sealed identity in force; call before <see cref="RunAsync"/>, which then renews with it. Ignored when it has expired.</summary>
    public bool Restore(WorkloadIdentity identity) => throw new NotSupportedException(identity.ToString() + settings + time + logger + StatusChanged);

    /// <summary>Enrols and renews until cancelled. Runs once.</summary>
    public Task RunAsync(CancellationToken stop) => throw new NotSupportedException();
}
