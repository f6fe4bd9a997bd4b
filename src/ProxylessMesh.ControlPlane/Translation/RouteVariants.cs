using System.Collections.Concurrent;
using System.Collections.Immutable;
using Envoy.Config.Route.V3;
using ProxylessMesh.ControlPlane.Xds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// The route configurations of one port of a service for callers that some manifest treats differently. Each is named after what is true
/// of its callers (<c>catalog.shop.svc.cluster.local:80;label:version=v1;ns=web</c>), made when it is first asked for, and shared by all
/// of them. Thread safe.
/// </summary>
/// <param name="name">The route configuration of everybody else.</param>
/// <param name="facts">What the manifests ask of callers.</param>
/// <param name="translate">Makes the routes of a class of callers under a name.</param>
internal sealed class RouteVariants(string name, ImmutableArray<CallerFact> facts, Func<string, CallerClass, RouteConfiguration> translate)
{
    /// <summary>Between the name and the facts; neither can hold it.</summary>
    public const char Separator = ';';

    // A label's key and value can have 380 characters, a name on the wire 2048.
    private const int MaxFactLength = 96;

    // More classes than a mesh has; a client that makes names up only costs itself time.
    private const int MaxKept = 1024;

    private readonly ImmutableSortedDictionary<string, CallerFact> _facts = facts.ToImmutableSortedDictionary(Text, fact => fact, StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, XdsResource> _made = new(StringComparer.Ordinal);

    /// <summary>The name of everybody else's.</summary>
    public string Name => name;

    /// <summary>Which of the route configurations is this caller's.</summary>
    public string NameFor(RouteAudience audience)
        => string.Join(Separator, _facts.Where(fact => fact.Value.IsTrueOf(audience)).Select(fact => fact.Key).Prepend(name));

    /// <summary>A route configuration under the name that <see cref="NameFor"/> gave; null where that names facts that nobody asks for any more.</summary>
    public XdsResource? Find(string variantName)
    {
        if (_made.TryGetValue(variantName, out var made))
        {
            return made;
        }

        var words = variantName.Split(Separator);
        var isWellFormed = words.Length > 1 && words[0] == name && words.Skip(1).SequenceEqual(words.Skip(1).Distinct().Order(StringComparer.Ordinal)) && words.Skip(1).All(_facts.ContainsKey);
        if (!isWellFormed)
        {
            return null;
        }

        made = XdsResource.Create(variantName, translate(variantName, CallerClass.Of(words.Skip(1).Select(word => _facts[word]))));
        return _made.Count < MaxKept ? _made.GetOrAdd(variantName, made) : made;
    }

    private static string Text(CallerFact fact)
    {
        var text = fact.ToString();
        return text.Length <= MaxFactLength ? text : $"sha256={Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(text)).AsSpan(0, 16))}";
    }
}
