using Microsoft.Extensions.Diagnostics.HealthChecks;
using ProxylessMesh.Client.Snapshots;
using ProxylessMesh.Spiffe;
using ProxylessMesh.Xds.Client;

namespace ProxylessMesh.Client;

/// <summary>
/// Ready with a valid certificate and with configuration for every host that was asked about. A control plane that is away later
/// changes nothing: calls go on.
/// </summary>
internal sealed class MeshHealthCheck(IdentitySource identities, IXdsClient xds, SnapshotSource snapshots, TimeProvider time) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        => Task.FromResult(Check(context.Registration.FailureStatus));

    private HealthCheckResult Check(HealthStatus failure)
    {
        if (identities is not NoIdentitySource)
        {
            if (identities.Current is not { } identity)
            {
                var reason = identities is RenewingIdentitySource { Status.Error: { } error } ? error.Message : "the control plane has not answered yet; check Mesh:ControlPlane and Mesh:JoinToken";
                return new HealthCheckResult(failure, $"There is no certificate: {reason}");
            }

            if (identity.ExpiresAt <= time.GetUtcNow())
            {
                return new HealthCheckResult(failure, $"The certificate of {identity.Id} expired at {identity.ExpiresAt:u} and could not be renewed: {(identities is RenewingIdentitySource { Status.Error: { } error } ? error.Message : "check that the control plane runs.")}");
            }
        }

        foreach (var host in snapshots.Hosts)
        {
            if (host.State.Kind is HostStateKind.Waiting or HostStateKind.Failed)
            {
                var reason = xds is XdsClient { State.LastError: { } error } ? error : host.State.Reason is { Length: > 0 } known ? known : "the control plane has not answered";
                return new HealthCheckResult(failure, $"There is no configuration for host '{host.Authority}' yet: {reason}");
            }
        }

        return HealthCheckResult.Healthy();
    }
}
