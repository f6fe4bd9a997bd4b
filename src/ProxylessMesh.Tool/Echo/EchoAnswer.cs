using System.Text.Json.Serialization;

namespace ProxylessMesh.Tool.Echo;

/// <summary>What an echo workload saw of a call, and who it is.</summary>
internal sealed record EchoAnswer
{
    public required string Service { get; init; }

    public required string Namespace { get; init; }

    public required string Version { get; init; }

    /// <summary>Unique for each process.</summary>
    public required string Instance { get; init; }

    /// <summary><c>HTTP/1.1</c>, <c>HTTP/2</c> or <c>gRPC</c>.</summary>
    public required string Protocol { get; init; }

    public required string Method { get; init; }

    /// <summary>As it came: host, and port where the caller wrote one.</summary>
    public required string Host { get; init; }

    /// <summary>The raw path with its query.</summary>
    public required string Path { get; init; }

    /// <summary>Names in lower case; several values are joined by a comma.</summary>
    public required SortedDictionary<string, string> Headers { get; init; }

    /// <summary>The SPIFFE ID that the caller proved; null for a plaintext caller.</summary>
    public required string? Peer { get; init; }

    /// <summary>The port that was called.</summary>
    public required int Port { get; init; }

    /// <summary>The body of an HTTP call as text, or the text of a gRPC message.</summary>
    public string Body { get; init; } = "";

    /// <summary>For each gRPC message of a stream, from 0.</summary>
    public int Message { get; init; }
}

[JsonSerializable(typeof(EchoAnswer))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class EchoJson : JsonSerializerContext;
