using System.Net;

namespace ProxylessMesh.Tool.Echo;

/// <summary>One port of an echo workload.</summary>
/// <param name="Name">What a Service's <c>targetPort</c> may call it.</param>
/// <param name="Number">0: any free port.</param>
internal readonly record struct EchoPort(string Name, int Number);

/// <summary>What an echo workload does besides answering.</summary>
internal sealed record EchoSettings
{
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    public IReadOnlyList<EchoPort> Ports { get; init; } = [new("http", 0)];

    /// <summary>The HTTP status of answers.</summary>
    public int Status { get; init; } = 200;

    /// <summary>The status of answers to gRPC calls.</summary>
    public int GrpcStatus { get; init; }

    /// <summary>Of 100 calls, how many get <see cref="Status"/> and <see cref="GrpcStatus"/>; the others succeed.</summary>
    public double FailPercent { get; init; } = 100;

    /// <summary>How long an answer takes.</summary>
    public TimeSpan Delay { get; init; }
}
