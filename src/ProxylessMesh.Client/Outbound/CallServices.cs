using ProxylessMesh.Client.Resilience;
using ProxylessMesh.Client.Telemetry;

namespace ProxylessMesh.Client.Outbound;

/// <summary>What every call needs and no call owns.</summary>
internal sealed record CallServices(TimeProvider Time, MeshMeter Meter, FaultInjector Faults, MirrorSender Mirrors, int RetryBufferBytes)
{
    /// <summary>Of the one client; null: it does not follow redirects.</summary>
    public RedirectFollower? Redirects { get; init; }
}
