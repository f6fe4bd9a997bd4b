using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Manifests;
using ProxylessMesh.Protos;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// The hosts that a ServiceEntry covers by a wildcard such as <c>*.example.com</c>. Each is a host of its own, with routes, clusters and
/// server name of its own, made when it is first called. Thread safe.
/// </summary>
/// <param name="patterns">A service for each wildcard, which is its host.</param>
/// <param name="translate">Makes everything about one host.</param>
internal sealed class WildcardHosts(IEnumerable<MeshService> patterns, Func<MeshService, TranslatedHost> translate)
{
    public static readonly WildcardHosts None = new([], static _ => throw new InvalidOperationException("There are no wildcards."));

    // Further ones are made again each time.
    private const int MaxKept = 4096;

    private readonly ImmutableArray<MeshService> _patterns = [.. patterns];
    private readonly ConcurrentDictionary<string, TranslatedHost> _made = new(StringComparer.Ordinal);

    /// <summary>The host as a service; null where no wildcard covers it.</summary>
    /// <param name="host">As <see cref="HostNames.Resolve"/> gives it.</param>
    public MeshService? Covering(string host)
    {
        if (_patterns.IsEmpty || host.Contains('*', StringComparison.Ordinal))
        {
            return null;
        }

        var called = HostNames.AsCalled(host);
        var nearest = _patterns.Where(pattern => HostPatterns.Matches(pattern.Host, called)).MaxBy(pattern => pattern.Host.Length);
        return nearest is null ? null : nearest with { Host = host, Name = host };
    }

    /// <summary>A resource of a covered host under its name; null where there is none.</summary>
    public XdsResource? Find(string typeUrl, string name, RouteAudience? audience)
    {
        if (_patterns.IsEmpty || HostOf(typeUrl, name) is not { } host || Made(host) is not { } made)
        {
            return null;
        }

        return typeUrl == XdsTypeUrls.RouteConfiguration ? made.FindRoute(name) : made.FindDestination(typeUrl, name, audience);
    }

    /// <summary>The name of the route configuration for a caller.</summary>
    public string RouteNameFor(string routeName, RouteAudience audience)
        => !_patterns.IsEmpty && HostOf(XdsTypeUrls.RouteConfiguration, routeName) is { } host && Made(host) is { } made ? made.RouteNameFor(routeName, audience) : routeName;

    private TranslatedHost? Made(string host)
    {
        if (_made.TryGetValue(host, out var made))
        {
            return made;
        }

        if (Covering(host) is not { } service)
        {
            return null;
        }

        made = translate(service);
        return _made.Count < MaxKept ? _made.GetOrAdd(host, made) : made;
    }

    // HOST:PORT, with the facts of a variant behind it, or outbound|PORT|SUBSET|HOST.
    private static string? HostOf(string typeUrl, string name)
    {
        if (typeUrl is XdsTypeUrls.Cluster or XdsTypeUrls.ClusterLoadAssignment)
        {
            return name.Split('|') is ["outbound", _, _, { Length: > 0 } host] ? host : null;
        }

        var authority = name.Split(RouteVariants.Separator)[0];
        var colon = authority.LastIndexOf(':');
        return typeUrl == XdsTypeUrls.RouteConfiguration && colon > 0 && int.TryParse(authority.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out _) ? authority[..colon] : null;
    }
}
