namespace ProxylessMesh.Manifests;

/// <summary>The names of services: short, with namespace, with <c>svc</c>, and in full.</summary>
public static class HostNames
{
    /// <summary>The namespace of a manifest that names none.</summary>
    public const string DefaultNamespace = "default";

    /// <summary>A policy without selector in this namespace is for the whole mesh (Istio's root namespace).</summary>
    public const string RootNamespace = "mesh-system";

    private const string ServiceSuffix = ".svc.cluster.local";

    /// <summary><c>catalog</c> in <c>shop</c> is <c>catalog.shop.svc.cluster.local</c>.</summary>
    public static string Full(string service, string @namespace) => $"{service}.{@namespace}{ServiceSuffix}";

    /// <summary>
    /// The full name for a name as somebody in <paramref name="fromNamespace"/> writes it: <c>catalog</c>, <c>catalog.shop</c>,
    /// <c>catalog.shop.svc</c> and <c>catalog.shop.svc.cluster.local</c> are the same from <c>shop</c>. Lower case; a trailing dot is dropped.
    /// A wildcard, an IP address and a name of any other form come back as they are: they name no service of the mesh.
    /// </summary>
    public static string Resolve(string host, string fromNamespace)
    {
        ArgumentNullException.ThrowIfNull(host);
        ArgumentNullException.ThrowIfNull(fromNamespace);
#pragma warning disable CA1308 // DNS names are shown in lower case.
        var name = host.TrimEnd('.').ToLowerInvariant();
#pragma warning restore CA1308
        if (name.Length == 0 || name.Contains('*', StringComparison.Ordinal) || name.Contains(':', StringComparison.Ordinal))
        {
            return name;
        }

        var labels = name.Split('.');
        return labels.Length switch
        {
            1 => Full(name, fromNamespace),
            2 => Full(labels[0], labels[1]),
            3 when labels[2] == "svc" => Full(labels[0], labels[1]),
            _ => name,
        };
    }

    /// <summary>
    /// The name of a host of the world outside as applications call it. <c>example.com</c> has the form of a service and its namespace, so
    /// <see cref="Resolve"/> makes <c>example.com.svc.cluster.local</c> of it; any other name is itself.
    /// </summary>
    public static string AsCalled(string fullHost) => TryParse(fullHost, out var service, out var ns) ? $"{service}.{ns}" : fullHost;

    /// <summary>Takes <c>catalog.shop.svc.cluster.local</c> apart; false for any other form.</summary>
    public static bool TryParse(string fullName, out string service, out string @namespace)
    {
        ArgumentNullException.ThrowIfNull(fullName);
        (service, @namespace) = ("", "");
        if (!fullName.EndsWith(ServiceSuffix, StringComparison.Ordinal))
        {
            return false;
        }

        var labels = fullName[..^ServiceSuffix.Length].Split('.');
        if (labels.Length != 2 || labels[0].Length == 0 || labels[1].Length == 0)
        {
            return false;
        }

        (service, @namespace) = (labels[0], labels[1]);
        return true;
    }
}
