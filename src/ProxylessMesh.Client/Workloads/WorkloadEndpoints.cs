using System.Collections.Immutable;

namespace ProxylessMesh.Client.Workloads;

/// <summary>Where peers reach this process.</summary>
/// <param name="Addresses">IP addresses.</param>
/// <param name="Ports">In the order that matters: calls to a service without a manifest go to the first.</param>
internal sealed record WorkloadEndpoints(ImmutableArray<string> Addresses, ImmutableArray<WorkloadPortConfig> Ports)
{
    /// <summary>A process that only calls.</summary>
    public static readonly WorkloadEndpoints None = new([], []);
}

/// <summary>One port of this process.</summary>
/// <param name="Name">For example <c>http</c>.</param>
/// <param name="Number">1 to 65535.</param>
/// <param name="AppProtocol"><c>http</c>, <c>http2</c> or <c>grpc</c>.</param>
/// <param name="MeshTls">It takes mesh mTLS.</param>
internal sealed record WorkloadPortConfig(string Name, int Number, string AppProtocol, bool MeshTls);

/// <summary>Registered in DI by whoever serves calls: the registration then waits until it is told the ports.</summary>
internal sealed class WorkloadServesCalls;
