using System.Globalization;

namespace ProxylessMesh.Client.Snapshots;

/// <summary>What an application calls: a host name and a port. 0 is the port of an http address that names none; of an https address it is 443.</summary>
internal readonly record struct HostKey(string Host, int Port)
{
    /// <summary>The name as a listener is asked for.</summary>
    public string Authority => Port == 0 ? Host : string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port}");

    /// <returns>False for what the mesh is never asked about: no absolute http(s) URI, an IP address, this machine itself.</returns>
    public static bool TryGet(Uri? uri, out HostKey key)
    {
        key = default;
        if (uri is null || !uri.IsAbsoluteUri || uri.HostNameType != UriHostNameType.Dns || (uri.Scheme != Uri.UriSchemeHttp && uri.Scheme != Uri.UriSchemeHttps))
        {
            return false;
        }

        // Lower case already: Uri normalizes host names.
        var host = uri.IdnHost;
        if (host == "localhost" || host.EndsWith(".localhost", StringComparison.Ordinal))
        {
            return false;
        }

        // A host outside may be another one behind 443, and must not be called by its plaintext port because of a name alone.
        key = new HostKey(host, uri.IsDefaultPort && uri.Scheme == Uri.UriSchemeHttp ? 0 : uri.Port);
        return true;
    }
}
