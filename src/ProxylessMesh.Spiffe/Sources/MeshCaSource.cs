using Microsoft.Extensions.Logging;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// Certificates from the mesh's own CA: enrols with a join token, renews with the certificate in force.
/// </summary>
internal sealed partial class MeshCaSource(MeshCaSettings settings, TimeProvider time, ILogger<MeshCaSource> logger) : IssuingIdentitySource(time, logger), IDisposable
{
    private readonly Enrolment _enrolment = new(settings, time);
    private readonly ILogger _logger = logger;

    public override string Subject => $"service account '{settings.ServiceAccount}' in namespace '{settings.Namespace}'";

    /// <summary>
    /// Puts a sealed identity in force; call before <see cref="RenewingIdentitySource.RunAsync"/>, which then renews with it. Returns whether
    /// it is taken: one that has expired, or is for somebody else, is not.
    /// </summary>
    public bool Restore(WorkloadIdentity identity)
    {
        if (identity.ExpiresAt <= Time.GetUtcNow() || identity.Id != SpiffeId.ForServiceAccount(identity.Id.TrustDomain, settings.Namespace, settings.ServiceAccount))
        {
            return false;
        }

        var issuedAt = new DateTimeOffset(identity.Leaf.NotBefore.ToUniversalTime(), TimeSpan.Zero);
        PutInForce(identity, SvidRotation.RenewAt(Time.GetUtcNow(), issuedAt, identity.ExpiresAt, Random.Shared.NextDouble()));
        LogRestored(_logger, identity.Id, identity.ExpiresAt);
        return true;
    }

    public void Dispose() => _enrolment.Dispose();

    protected override Task<WorkloadIdentity> IssueAsync(CancellationToken stop) => _enrolment.IssueAsync(Current, stop);

    [LoggerMessage(3003, LogLevel.Information, "The sealed certificate for {Id} is in force until {ExpiresAt:u}.")]
    private static partial void LogRestored(ILogger logger, SpiffeId id, DateTimeOffset expiresAt);
}
