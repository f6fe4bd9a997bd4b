using System.Collections.Immutable;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace ProxylessMesh.Tool.Calls;

/// <summary>What the data plane decided about a call.</summary>
internal sealed record Decision
{
    public required string Route { get; init; }

    public required string Cluster { get; init; }

    /// <summary>The address of the last attempt; empty where the data plane answered itself.</summary>
    public required string Endpoint { get; init; }

    public required int Attempts { get; init; }

    /// <summary>The reason of a failure: a status or an error of the data plane.</summary>
    public string? Error { get; init; }

    /// <summary>The attempts after the first.</summary>
    public ImmutableArray<DecisionAttempt> Retries { get; init; } = [];
}

/// <summary>One attempt of a call.</summary>
internal sealed record DecisionAttempt(string Endpoint, int? Status, string? Error);

/// <summary>Who answered, as an echo workload tells.</summary>
internal sealed record Answerer(string Service, string Namespace, string Version, string Instance);

/// <summary>What came of one call.</summary>
internal sealed record CallResult
{
    /// <summary>Where the data plane could not carry the call out: what a proxy would have answered. Null where there is no such status.</summary>
    public int? Status { get; init; }

    /// <summary>For gRPC.</summary>
    public int? GrpcStatus { get; init; }

    public string? GrpcMessage { get; init; }

    public SortedDictionary<string, string> Headers { get; init; } = [];

    public SortedDictionary<string, string> Trailers { get; init; } = [];

    /// <summary>Null where the body is not an echo workload's.</summary>
    public Answerer? AnsweredBy { get; init; }

    /// <summary>What an echo workload saw; null for others.</summary>
    public JsonNode? Seen { get; init; }

    /// <summary>The body as text where it is not an echo workload's.</summary>
    public string? Body { get; init; }

    public Decision? Decision { get; init; }

    /// <summary>Why no answer came.</summary>
    public string? Error { get; init; }

    /// <summary>What the application sees as <c>MeshException.Error</c>.</summary>
    public string? MeshError { get; init; }

    public double Milliseconds { get; init; }

    /// <summary>An answer came and it says yes.</summary>
    [JsonIgnore]
    public bool IsSuccess => Status < 400 && GrpcStatus is null or 0;

    [JsonIgnore]
    public bool IsUnreachable { get; init; }
}

/// <summary>What came of many calls.</summary>
internal sealed record CallSummary
{
    public required int Calls { get; init; }

    /// <summary>How often each status came; <c>error</c> for calls without an answer.</summary>
    public required SortedDictionary<string, int> Statuses { get; init; }

    /// <summary>How often each workload answered: <c>NAMESPACE/SERVICE-VERSION</c>, or an address where it is not an echo workload.</summary>
    public required SortedDictionary<string, int> Distribution { get; init; }

    /// <summary>How often each reason was given for a call without an answer.</summary>
    public required SortedDictionary<string, int> Errors { get; init; }

    public required int Attempts { get; init; }

    public required CallResult Last { get; init; }
}

[JsonSerializable(typeof(CallResult))]
[JsonSerializable(typeof(CallSummary))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class CallJson : JsonSerializerContext;
