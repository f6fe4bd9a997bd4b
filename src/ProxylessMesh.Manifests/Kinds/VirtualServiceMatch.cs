using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>All conditions of a match must hold.</summary>
public sealed record VirtualServiceMatch
{
    /// <summary>Empty where it has none.</summary>
    public string Name { get; init; } = "";

    /// <summary>The path; null: any.</summary>
    public StringMatch? Uri { get; init; }

    /// <summary>The path is compared without regard to case (not for a regex).</summary>
    public bool IgnoreUriCase { get; init; }

    /// <summary>The scheme, <c>http</c> or <c>https</c>; null: any.</summary>
    public StringMatch? Scheme { get; init; }

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

    /// <summary>The port that is called; null: any.</summary>
    public int? Port { get; init; }

    /// <summary>Labels that the caller's workload must have; empty: any.</summary>
    public ImmutableSortedDictionary<string, string> SourceLabels { get; init; } = LabelSet.Empty;

    /// <summary>The caller's namespace; null: any.</summary>
    public string? SourceNamespace { get; init; }

    /// <summary><c>gateways</c>; empty: those of the VirtualService. Only <c>mesh</c> has a meaning here.</summary>
    public ImmutableArray<string> Gateways { get; init; } = [];

    /// <summary>Prefix of statistics, for clients that are Envoy; empty: none.</summary>
    public string StatPrefix { get; init; } = "";

    /// <summary>It can match a call inside the mesh.</summary>
    public bool IsForMesh => Gateways.IsEmpty || Gateways.Contains("mesh");

    /// <summary>There is no condition that a call could fail.</summary>
    public bool MatchesEverything
        => Uri is null or { Kind: StringMatchKind.Prefix, Value: "" or "/" } or { Kind: StringMatchKind.Regex, Value: ".*" }
            && Scheme is null && Method is null && Authority is null && Port is null && SourceNamespace is null && IsForMesh
            && Headers.IsEmpty && WithoutHeaders.IsEmpty && QueryParameters.IsEmpty && SourceLabels.IsEmpty;

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
