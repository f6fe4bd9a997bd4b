using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>Routing with faults for calls to hosts (Istio <c>VirtualService</c>).</summary>
public sealed record VirtualServiceManifest : Manifest
{
    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.VirtualService;

    /// <summary>Hosts as full names, or wildcards as written.</summary>
    public ImmutableArray<string> Hosts { get; init; } = [];

    /// <summary>The routes: the first that matches is taken.</summary>
    public ImmutableArray<VirtualServiceRoute> Http { get; init; } = [];
}

/// <summary>One route.</summary>
public sealed record VirtualServiceRoute
{
    /// <summary>Empty where it has none.</summary>
    public string Name { get; init; } = "";

    /// <summary>One of these must match; empty: everything does.</summary>
    public ImmutableArray<VirtualServiceMatch> Matches { get; init; } = [];

    /// <summary>Where the calls go, by weight; never empty. A single destination has weight 100.</summary>
    public ImmutableArray<VirtualServiceDestination> Destinations { get; init; } = [];

    /// <summary>Null: no fault.</summary>
    public VirtualServiceFault? Fault { get; init; }

    /// <summary>The whole call; zero or null: no limit.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Null: not set.</summary>
    public VirtualServiceRetries? Retries { get; init; }

    /// <summary><c>headers.request</c>.</summary>
    public HeaderModifier RequestHeaders { get; init; } = HeaderModifier.None;

    /// <summary><c>headers.response</c>.</summary>
    public HeaderModifier ResponseHeaders { get; init; } = HeaderModifier.None;
}

/// <summary>All conditions of a match must hold.</summary>
public sealed record VirtualServiceMatch
{
    /// <summary>Empty where it has none.</summary>
    public string Name { get; init; } = "";

    /// <summary>The path; null: any.</summary>
    public StringMatch? Uri { get; init; }

    /// <summary>The path is compared without regard to case (not for a regex).</summary>
    public bool IgnoreUriCase { get; init; }

    /// <summary>The method; null: any.</summary>
    public StringMatch? Method { get; init; }

    /// <summary>The authority; null: any.</summary>
    public StringMatch? Authority { get; init; }

    /// <summary>Headers in lower case; a null matcher asks only for presence.</summary>
    public ImmutableSortedDictionary<string, StringMatch?> Headers { get; init; } = NoMatches;

    /// <summary>Headers that must not match; a null matcher: must be absent.</summary>
    public ImmutableSortedDictionary<string, StringMatch?> WithoutHeaders { get; init; } = NoMatches;

    /// <summary>Query parameters; a null matcher asks only for presence.</summary>
    public ImmutableSortedDictionary<string, StringMatch?> QueryParameters { get; init; } = NoMatches;

    private static ImmutableSortedDictionary<string, StringMatch?> NoMatches { get; }
        = ImmutableSortedDictionary.Create<string, StringMatch?>(StringComparer.Ordinal);
}

/// <summary>Istio's <c>StringMatch</c>.</summary>
/// <param name="Kind">How it is compared.</param>
/// <param name="Value">The text or the RE2 expression.</param>
public sealed record StringMatch(StringMatchKind Kind, string Value);

/// <summary>How a text is compared.</summary>
public enum StringMatchKind
{
    /// <summary>The same text.</summary>
    Exact,

    /// <summary>Begins with it.</summary>
    Prefix,

    /// <summary>The whole text matches an RE2 expression.</summary>
    Regex,
}

/// <summary>A host, or a subset of it, and its share.</summary>
public sealed record VirtualServiceDestination
{
    /// <summary>The host as a full name.</summary>
    public required string Host { get; init; }

    /// <summary>Name of a subset in the DestinationRule of the host; null: all workloads.</summary>
    public string? Subset { get; init; }

    /// <summary>Port of the service; null: the port the caller asked for.</summary>
    public int? Port { get; init; }

    /// <summary>Share among the route's destinations, 0 or more.</summary>
    public int Weight { get; init; }

    /// <summary><c>headers.request</c> of this destination.</summary>
    public HeaderModifier RequestHeaders { get; init; } = HeaderModifier.None;

    /// <summary><c>headers.response</c> of this destination.</summary>
    public HeaderModifier ResponseHeaders { get; init; } = HeaderModifier.None;
}

/// <summary>Faults to inject; one of the two at least.</summary>
public sealed record VirtualServiceFault
{
    /// <summary>Wait before the call; null: no delay.</summary>
    public FaultDelay? Delay { get; init; }

    /// <summary>Answer instead of calling; null: no abort.</summary>
    public FaultAbort? Abort { get; init; }
}

/// <summary>A wait.</summary>
/// <param name="FixedDelay">How long, over zero.</param>
/// <param name="Percentage">Of the calls, 0-100.</param>
public sealed record FaultDelay(TimeSpan FixedDelay, double Percentage);

/// <summary>An answer that nobody gave: one of the two statuses.</summary>
/// <param name="HttpStatus">200-599, or null.</param>
/// <param name="GrpcStatus">0-16, or null.</param>
/// <param name="Percentage">Of the calls, 0-100.</param>
public sealed record FaultAbort(int? HttpStatus, int? GrpcStatus, double Percentage);

/// <summary>Retries of a route.</summary>
public sealed record VirtualServiceRetries
{
    /// <summary>Attempts after the first; 0: never.</summary>
    public required int Attempts { get; init; }

    /// <summary>Limit of one attempt; null: the call's.</summary>
    public TimeSpan? PerTryTimeout { get; init; }

    /// <summary>Conditions in Envoy's and gRPC's words, such as <c>gateway-error</c>; empty: the mesh's default.</summary>
    public ImmutableArray<string> On { get; init; } = [];

    /// <summary>Status codes among <c>retryOn</c>.</summary>
    public ImmutableArray<int> StatusCodes { get; init; } = [];

    /// <summary>The shortest wait between attempts; null: the mesh's default.</summary>
    public TimeSpan? Backoff { get; init; }
}
