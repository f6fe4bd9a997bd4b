using System.Collections.Frozen;
using System.Globalization;
using ProxylessMesh.Manifests;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// What the names mean that clients ask listeners by. An application calls <c>catalog</c>, <c>catalog.shop</c> or <c>catalog:8080</c>;
/// all of them lead to one canonical <c>HOST:PORT</c>, the key of routes and listeners in the snapshot.
/// </summary>
internal sealed class ListenerNames
{
    /// <summary>The port of an authority that names none, and of a service without a list of ports.</summary>
    public const int DefaultPort = 80;

    /// <summary>What an https address means that names no port.</summary>
    public const int HttpsPort = 443;

    public static readonly ListenerNames None = new([]);

    private readonly FrozenDictionary<string, MeshService> _services;
    private readonly WildcardHosts _wildcards;

    public ListenerNames(IEnumerable<MeshService> services, WildcardHosts? wildcards = null)
    {
        _services = services.ToFrozenDictionary(service => service.Host, StringComparer.Ordinal);
        _wildcards = wildcards ?? WildcardHosts.None;
    }

    /// <summary>
    /// The canonical <c>HOST:PORT</c> of <paramref name="requestedName"/> as a node in <paramref name="nodeNamespace"/> means it; null
    /// where the mesh has no such service or port.
    /// </summary>
    public string? Canonical(string requestedName, string nodeNamespace)
    {
        if (!TrySplit(requestedName, out var name, out var port))
        {
            return null;
        }

        var host = HostNames.Resolve(name, nodeNamespace);
        var service = _services.TryGetValue(host, out var known) ? known : _wildcards.Covering(host);
        return service?.IsVisibleIn(nodeNamespace) == true && service.ListenerPort(port) is { } number ? ClusterNames.Route(host, number) : null;
    }

    /// <summary>The namespace of the manifest that a host of the mesh comes from; null: no such host.</summary>
    public string? NamespaceOf(string host) => (_services.GetValueOrDefault(host) ?? _wildcards.Covering(host))?.Namespace;

    private static bool TrySplit(string authority, out string name, out int? port)
    {
        (name, port) = (authority, null);
        var colon = authority.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0)
        {
            return authority.Length > 0;
        }

        name = authority[..colon];
        if (!int.TryParse(authority.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number is < 1 or > 65535)
        {
            return false;
        }

        port = number;
        return name.Length > 0;
    }
}
