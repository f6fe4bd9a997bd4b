using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>The answer that sends a caller to another address. What is null stays as it was called.</summary>
public sealed record VirtualServiceRedirect
{
    /// <summary><c>uri</c>: the whole path.</summary>
    public string? Uri { get; init; }

    /// <summary><c>prefixRewrite</c>: what the matched prefix becomes.</summary>
    public string? PrefixRewrite { get; init; }

    /// <summary>The host, perhaps with a port.</summary>
    public string? Authority { get; init; }

    /// <summary>The port; null: see <see cref="IsPortOfRequest"/>.</summary>
    public int? Port { get; init; }

    /// <summary><c>derivePort: FROM_REQUEST_PORT</c>: the port that was called, not the scheme's own.</summary>
    public bool IsPortOfRequest { get; init; }

    /// <summary>Either of the two port fields is written.</summary>
    public bool NamesPort { get; init; }

    /// <summary><c>http</c> or <c>https</c>.</summary>
    public string? Scheme { get; init; }

    /// <summary>301, 302, 303, 307 or 308.</summary>
    public int Code { get; init; } = 301;
}

/// <summary>An answer that nobody is called for.</summary>
/// <param name="Status">200-599.</param>
/// <param name="Body">Its content; at most 1 MiB.</param>
public sealed record VirtualServiceDirectResponse(int Status, ReadOnlyMemory<byte> Body);

/// <summary>Changes of what is asked for, before the call goes out; one of the three at least.</summary>
public sealed record VirtualServiceRewrite
{
    /// <summary>What the matched prefix, or the whole matched path, becomes.</summary>
    public string? Uri { get; init; }

    /// <summary><c>uriRegexRewrite</c>: every match in the path becomes the substitution.</summary>
    public UriRegexRewrite? Regex { get; init; }

    /// <summary>The authority.</summary>
    public string? Authority { get; init; }
}

/// <summary>A change of a path by expression.</summary>
/// <param name="Match">An RE2 expression, found anywhere in the path.</param>
/// <param name="Substitution">What each match becomes; <c>\1</c> is the first group.</param>
public sealed record UriRegexRewrite(string Match, string Substitution);

/// <summary>Which pages of other origins may call (Istio <c>CorsPolicy</c>). The servers of the host carry it out.</summary>
public sealed record VirtualServiceCors
{
    /// <summary>Origins that may; one must match.</summary>
    public ImmutableArray<StringMatch> AllowOrigins { get; init; } = [];

    /// <summary><c>Access-Control-Allow-Methods</c>.</summary>
    public ImmutableArray<string> AllowMethods { get; init; } = [];

    /// <summary><c>Access-Control-Allow-Headers</c>.</summary>
    public ImmutableArray<string> AllowHeaders { get; init; } = [];

    /// <summary><c>Access-Control-Expose-Headers</c>.</summary>
    public ImmutableArray<string> ExposeHeaders { get; init; } = [];

    /// <summary>How long a preflight's answer may be kept, in whole seconds; null: not said.</summary>
    public TimeSpan? MaxAge { get; init; }

    /// <summary><c>Access-Control-Allow-Credentials</c>; null: not said.</summary>
    public bool? AllowCredentials { get; init; }

    /// <summary><c>unmatchedPreflights: IGNORE</c>: a preflight of another origin is answered here, and does not reach the application.</summary>
    public bool IgnoresUnmatchedPreflights { get; init; }
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
    /// <summary>Attempts after the first; 0: never, whatever happened.</summary>
    public required int Attempts { get; init; }

    /// <summary>Limit of one attempt; null: the call's.</summary>
    public TimeSpan? PerTryTimeout { get; init; }

    /// <summary>Conditions in Envoy's and gRPC's words, such as <c>gateway-error</c>; empty: the mesh's default.</summary>
    public ImmutableArray<string> On { get; init; } = [];

    /// <summary>Status codes among <c>retryOn</c>.</summary>
    public ImmutableArray<int> StatusCodes { get; init; } = [];

    /// <summary>Prefer endpoints that were not tried; null: not said, and so they are.</summary>
    public bool? IgnorePreviousHosts { get; init; }

    /// <summary>The shortest wait between attempts; null: the mesh's default.</summary>
    public TimeSpan? Backoff { get; init; }
}
