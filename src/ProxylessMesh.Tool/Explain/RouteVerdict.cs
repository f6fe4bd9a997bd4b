using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace ProxylessMesh.Tool.Explain;

/// <summary>Where a call goes, what happens to it on the way, and why no other rule takes it.</summary>
internal sealed record RouteVerdict
{
    /// <summary>Null: no rule matches, or the mesh does not know the host; <see cref="Reason"/> says which.</summary>
    public string? Rule { get; init; }

    public string? Reason { get; init; }

    /// <summary>The route configuration.</summary>
    public string? Routes { get; init; }

    public ImmutableArray<BackendVerdict> Backends { get; init; } = [];

    /// <summary>Path and query as the backend sees them.</summary>
    public string? Path { get; init; }

    public string? Host { get; init; }

    public SortedDictionary<string, string> RequestHeaders { get; init; } = [];

    public RedirectVerdict? Redirect { get; init; }

    public DirectResponseVerdict? DirectResponse { get; init; }

    /// <summary>Of the whole call with its retries.</summary>
    public string? Timeout { get; init; }

    public RetryVerdict? Retries { get; init; }

    public FaultVerdict? Fault { get; init; }

    public ImmutableArray<MirrorVerdict> Mirrors { get; init; } = [];

    /// <summary>What the rule matches only a share of the calls by, in percent; null: all.</summary>
    public double? Percent { get; init; }

    /// <summary>The rules before the one that was taken, or all where none was.</summary>
    public ImmutableArray<OtherRule> Others { get; init; } = [];
}

/// <summary>One side of a split.</summary>
/// <param name="Name">The service's short name, or the host of a service outside.</param>
/// <param name="Weight">Its share of the sum of all weights.</param>
/// <param name="Cluster">The cluster's name.</param>
/// <param name="Error">Why calls to this side fail.</param>
internal sealed record BackendVerdict(string Name, uint Weight, string Cluster, string? Error)
{
    public string? Namespace { get; init; }

    public string? Subset { get; init; }

    public int? Port { get; init; }

    /// <summary>Where they differ from the first side's.</summary>
    public SortedDictionary<string, string>? RequestHeaders { get; init; }
}

internal sealed record RedirectVerdict(int Status, string Location);

internal sealed record DirectResponseVerdict(int Status, string Body);

internal sealed record RetryVerdict(int Attempts, string On, string? PerTryTimeout);

internal sealed record MirrorVerdict(string Cluster, double Percent);

internal sealed record OtherRule(string Rule, string Why);

/// <summary>What is done to calls on purpose.</summary>
internal sealed record FaultVerdict
{
    public string? Delay { get; init; }

    public double? DelayPercent { get; init; }

    public int? AbortStatus { get; init; }

    public int? AbortGrpcStatus { get; init; }

    public double? AbortPercent { get; init; }
}

[JsonSerializable(typeof(RouteVerdict))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class RouteVerdictJson : JsonSerializerContext;
