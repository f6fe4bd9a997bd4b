using ProxylessMesh.Spiffe;
using Shop.Processes;

namespace Shop.Roles;

/// <summary>Tells the show about every certificate the process gets: the first and each rotation.</summary>
internal sealed class IdentityReporter(IdentitySource identities, ParentLine parent) : IHostedService
{
    private string? _reported;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        identities.Changed += Report;
        if (identities.Current is { } current)
        {
            Report(current);
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        identities.Changed -= Report;
        return Task.CompletedTask;
    }

    private void Report(WorkloadIdentity identity)
    {
        if (Interlocked.Exchange(ref _reported, identity.Leaf.SerialNumber) != identity.Leaf.SerialNumber)
        {
            parent.Tell(new IdentityIssued(identity.Id.ToString(), identity.Leaf.SerialNumber, identity.ExpiresAt));
        }
    }
}
