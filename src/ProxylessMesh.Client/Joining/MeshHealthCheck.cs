using Microsoft.Extensions.Diagnostics.HealthChecks;
using ProxylessMesh.Client.Snapshots;
using ProxylessMesh.Spiffe;
using ProxylessMesh.Xds.Client;

namespace ProxylessMesh.Client;

/// <summary>
/// Ready with a valid certificate and with configuration for every host that was asked about. A control plane that is away later
/// changes nothing: calls go on. Degraded where the certificate's last quarter has begun and it cannot be renewed: still ready, but not
/// for long. The data say where the certificate's source stands.
/// </summary>
internal sealed class MeshHealthCheck(IdentitySource identities, IXdsClient xds, SnapshotSource snapshots, TimeProvider time) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        => Task.FromResult(Check(context.Registration.FailureStatus));

    private HealthCheckResult Check(HealthStatus failure)
    {
        var status = (identities as RenewingIdentitySource)?.Status;
        var data = Data(status);
        var warning = default(string);
        if (identities is not NoIdentitySource)
        {
            if (identities.Current is not { } identity)
            {
                var reason = status?.Error is { } error ? error.Message : "the control plane has not answered yet; check Mesh:ControlPlane and Mesh:JoinToken";
                return new HealthCheckResult(failure, $"There is no certificate: {reason}", data: data);
            }

            var left = identity.ExpiresAt - time.GetUtcNow();
            if (left <= TimeSpan.Zero)
            {
                return new HealthCheckResult(failure, $"The certificate of {identity.Id} expired at {identity.ExpiresAt:u} and could not be renewed: {(status?.Error is { } error ? error.Message : "check that the control plane runs.")}", data: data);
            }

            if (status?.Error is { } late && left < (identity.Leaf.NotAfter - identity.Leaf.NotBefore) / 4)
            {
                warning = $"The certificate of {identity.Id} ends at {identity.ExpiresAt:u} and cannot be renewed since {status.FailingSince:u}: {late.Message}";
            }
        }

        foreach (var host in snapshots.Hosts)
        {
            if (host.State.Kind is HostStateKind.Waiting or HostStateKind.Failed)
            {
                var reason = xds is XdsClient { State.LastError: { } error } ? error : host.State.Reason is { Length: > 0 } known ? known : "the control plane has not answered";
                return new HealthCheckResult(failure, $"There is no configuration for host '{host.Authority}' yet: {reason}", data: data);
            }
        }

        return warning is null ? HealthCheckResult.Healthy(data: data) : HealthCheckResult.Degraded(warning, data: data);
    }

    private Dictionary<string, object> Data(IdentityStatus? status)
    {
        var data = new Dictionary<string, object>(StringComparer.Ordinal);
        if (status is null)
        {
            return data;
        }

        data["identity.state"] = status.State.ToString();
        Add("identity.id", identities.Current?.Id.ToString());
        Add("identity.expiresAt", status.ExpiresAt);
        Add("identity.renewsAt", status.RenewsAt);
        Add("identity.failingSince", status.FailingSince);
        return data;

        void Add(string name, object? value)
        {
            if (value is not null)
            {
                data[name] = value;
            }
        }
    }
}
