using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>Faults on calls to a service, for a time that must be said: what it does ends by itself, whatever happens to the file.</summary>
public sealed record FaultExperimentManifest : Manifest
{
    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.FaultExperiment;

    /// <summary>The service that is called, as a full name.</summary>
    public required string Host { get; init; }

    /// <summary>Null: every port of the service.</summary>
    public int? Port { get; init; }

    /// <summary>Whose calls; one of these. Empty: everybody's.</summary>
    public ImmutableArray<ExperimentCallers> From { get; init; } = [];

    /// <summary>Headers that a call must have, all of them; null: it is there. By name in lower case.</summary>
    public ImmutableSortedDictionary<string, StringMatch?> Headers { get; init; } = ImmutableSortedDictionary<string, StringMatch?>.Empty;

    /// <summary>Null: no delay.</summary>
    public FaultDelay? Delay { get; init; }

    /// <summary>Null: no abort.</summary>
    public FaultAbort? Abort { get; init; }

    /// <summary>Null: none.</summary>
    public ExperimentFailure? Failure { get; init; }

    /// <summary>Null: answers end where they end.</summary>
    public ExperimentCut? Cut { get; init; }

    /// <summary>Null: answers come as fast as they do.</summary>
    public ExperimentBandwidth? Bandwidth { get; init; }

    /// <summary>Faults at once in each calling process; null: no limit.</summary>
    public int? MaxActiveFaults { get; init; }

    /// <summary>How long it lasts: 1 s to 24 h.</summary>
    public required TimeSpan Ttl { get; init; }

    /// <summary>When it begins; null: when it is applied.</summary>
    public DateTimeOffset? StartsAt { get; init; }

    /// <summary>When it ends, once it has begun. No manifest says it: the control plane sets it, and one without it does nothing.</summary>
    public DateTimeOffset? Ends { get; init; }
}

/// <summary>Some callers: all that is said must be true of them.</summary>
public sealed record ExperimentCallers
{
    /// <summary>Null: any.</summary>
    public string? Namespace { get; init; }

    /// <summary>Null: any.</summary>
    public string? ServiceAccount { get; init; }

    /// <summary>Labels of their workloads; empty: any.</summary>
    public ImmutableSortedDictionary<string, string> Labels { get; init; } = LabelSet.Empty;
}

/// <summary>The exception that a call ends with, as if the network had failed.</summary>
/// <param name="Reason">Which failure.</param>
/// <param name="Percentage">Of the calls, 0-100.</param>
public sealed record ExperimentFailure(ExperimentFailureReason Reason, double Percentage);

/// <summary>Failures of a network.</summary>
public enum ExperimentFailureReason
{
    /// <summary>Nobody listens.</summary>
    ConnectionRefused,

    /// <summary>The name does not resolve.</summary>
    NameResolution,

    /// <summary>The TLS handshake fails.</summary>
    Tls,

    /// <summary>The connection ends before the answer.</summary>
    ResponseEnded,

    /// <summary>The call takes too long.</summary>
    Timeout,
}

/// <summary>Answers break in the middle.</summary>
/// <param name="AfterBytes">Of the body.</param>
/// <param name="Percentage">Of the calls, 0-100.</param>
public sealed record ExperimentCut(int AfterBytes, double Percentage);

/// <summary>Answers come slowly.</summary>
/// <param name="KibPerSecond">Units of 1024 bytes, 1 or more.</param>
/// <param name="Percentage">Of the calls, 0-100.</param>
public sealed record ExperimentBandwidth(int KibPerSecond, double Percentage);
