using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ProxylessMesh.Client.Workloads;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Client;

/// <summary>The connection to the mesh's own control plane, where there is one, and the registration that runs over it.</summary>
internal sealed class ControlPlaneLink : IDisposable
{
    /// <summary>Null where the process talks to a foreign xDS server alone.</summary>
    public ControlPlaneChannel? Channel { get; private init; }

    public WorkloadRegistration? Registration { get; private init; }

    /// <summary>Null where the certificates come from elsewhere: the roots then do, too.</summary>
    public BundleWatch? Bundles { get; private init; }

    public static ControlPlaneLink Create(IServiceProvider provider)
    {
        var options = provider.GetRequiredService<IOptions<MeshOptions>>();
        if (options.Value.ControlPlane is not { } address)
        {
            return new ControlPlaneLink();
        }

        var identities = provider.GetRequiredService<IdentitySource>();
        var channel = new ControlPlaneChannel(address, identities, ControlPlaneTrust.Read(options.Value).TrustDomain);
        var time = provider.GetRequiredService<TimeProvider>();
        return new ControlPlaneLink
        {
            Channel = channel,
            Registration = new WorkloadRegistration(
                channel,
                provider.GetRequiredService<MeshNode>(),
                options,
                provider.GetServices<WorkloadServesCalls>(),
                provider.GetService<CallQuestionAnswer>() ?? CallQuestionAnswer.None,
                identities,
                time,
                provider.GetRequiredService<ILogger<WorkloadRegistration>>()),
            Bundles = identities is MeshCaSource source ? new BundleWatch(channel, source, time, provider.GetRequiredService<ILogger<BundleWatch>>()) : null,
        };
    }

    public void Dispose() => Channel?.Dispose();
}
