using System.Collections.Immutable;
using ProxylessMesh.ControlPlane.Workloads;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>Who asks for routes, as far as routes may depend on it.</summary>
internal sealed record RouteAudience
{
    /// <summary>Proved by the certificate; a claim only on the plaintext port.</summary>
    public required string Namespace { get; init; }

    /// <summary>Empty where it is not known.</summary>
    public string ServiceAccount { get; init; } = "";

    /// <summary>Those of the registered workload; of a client that never registered, those that its node claims.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Where it runs, from the same source; empty parts are unknown.</summary>
    public WorkloadLocality Locality { get; init; }

    /// <summary>A client of which nothing is known but its namespace.</summary>
    public static RouteAudience Of(string @namespace) => new() { Namespace = @namespace };
}

/// <summary>
/// One thing about a caller that a manifest asks for: its namespace, its service account, or one label. Conditions on several are
/// several facts, so that all manifests of a host share what they have in common.
/// </summary>
/// <param name="Kind">What it is about.</param>
/// <param name="Key">The key of a label; otherwise empty.</param>
/// <param name="Value">What it must be.</param>
internal readonly record struct CallerFact(CallerFactKind Kind, string Key, string Value)
{
    public static CallerFact Namespace(string value) => new(CallerFactKind.Namespace, "", value);

    public static CallerFact ServiceAccount(string value) => new(CallerFactKind.ServiceAccount, "", value);

    public static CallerFact Label(string key, string value) => new(CallerFactKind.Label, key, value);

    /// <summary>One for each label.</summary>
    public static IEnumerable<CallerFact> Labels(IEnumerable<KeyValuePair<string, string>> labels) => labels.Select(label => Label(label.Key, label.Value));

    public bool IsTrueOf(RouteAudience audience) => Kind switch
    {
        CallerFactKind.Namespace => audience.Namespace == Value,
        CallerFactKind.ServiceAccount => audience.ServiceAccount == Value,
        _ => audience.Labels.TryGetValue(Key, out var value) && value == Value,
    };

    /// <summary>As it stands in the name of a route configuration. None of its parts can hold <c>;</c> or <c>=</c>.</summary>
    public override string ToString() => Kind switch
    {
        CallerFactKind.Namespace => $"ns={Value}",
        CallerFactKind.ServiceAccount => $"sa={Value}",
        _ => $"label:{Key}={Value}",
    };
}

/// <summary>What a <see cref="CallerFact"/> is about.</summary>
internal enum CallerFactKind
{
    Namespace,
    ServiceAccount,
    Label,
}

/// <summary>
/// Callers of whom the same facts are true, of those that a host's manifests ask for. All of them share one route configuration.
/// </summary>
internal sealed class CallerClass
{
    /// <summary>Callers of whom nothing is true that a manifest asks for: those of the route configuration without suffix.</summary>
    public static readonly CallerClass Plain = new([], holdsAlways: false);

    /// <summary>Every fact is true: for finding what any caller's routes could lead to.</summary>
    public static readonly CallerClass All = new([], holdsAlways: true);

    private readonly ImmutableArray<CallerFact> _facts;
    private readonly bool _holdsAlways;

    private CallerClass(ImmutableArray<CallerFact> facts, bool holdsAlways) => (_facts, _holdsAlways) = (facts, holdsAlways);

    /// <summary>The class of a caller among the facts that matter.</summary>
    public static CallerClass Of(RouteAudience audience, ImmutableArray<CallerFact> facts)
        => Of(facts.Where(fact => fact.IsTrueOf(audience)));

    public static CallerClass Of(IEnumerable<CallerFact> facts)
        => new([.. facts.Distinct().OrderBy(fact => fact.ToString(), StringComparer.Ordinal)], holdsAlways: false);

    /// <summary>What is true of its callers, in the order of their texts.</summary>
    public ImmutableArray<CallerFact> Facts => _facts;

    /// <summary>Whether the fact is true of these callers. It must be among those that <see cref="RouteTranslator.Facts"/> names.</summary>
    public bool Is(CallerFact fact) => _holdsAlways || _facts.Contains(fact);

    public bool IsIn(string @namespace) => Is(CallerFact.Namespace(@namespace));

    /// <summary>Whether they have all of the labels.</summary>
    public bool Has(IEnumerable<KeyValuePair<string, string>> labels) => CallerFact.Labels(labels).All(Is);
}
