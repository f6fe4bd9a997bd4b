using ProxylessMesh.Client.Resilience;
using ProxylessMesh.Client.Telemetry;

namespace ProxylessMesh.Client.Outbound;

/// <summary>What every call needs and no call owns.</summary>
internal sealed record CallServices(TimeProvider Time, MeshMeter Meter, FaultInjector Faults, MirrorSender Mirrors, int RetryBufferBytes);
