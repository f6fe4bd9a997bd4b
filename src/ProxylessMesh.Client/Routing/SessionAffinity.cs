using System.Net;
using System.Text;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Routing;

/// <summary>
/// Reads and writes where a session lives (gRFC A55, A60): a cookie or header whose value is, in base64, the endpoint's address and
/// behind a semicolon its cluster.
/// </summary>
/// <remarks>Nothing is kept here: whoever calls holds the cookie. A value that cannot be read is as good as none.</remarks>
internal sealed class SessionAffinity(SessionConfig config)
{
    private const string ClusterPrefix = "cluster:";

    /// <summary>A session whose endpoint is gone fails instead of moving.</summary>
    public bool IsStrict => config.Strict;

    /// <summary>Whether calls to this path take part at all: the cookie is only for some.</summary>
    public bool Covers(string path) => config.Cookie is not { } cookie || CookieText.PathMatches(cookie.Path, path);

    /// <param name="request">The call.</param>
    /// <param name="path">Its path, before the mesh changes it.</param>
    /// <returns>Null where the call belongs to no session yet.</returns>
    public SessionPin? Read(HttpRequestMessage request, string path)
    {
        if (config.Cookie is { } cookie)
        {
            return Covers(path) && CookieText.TryFind(request, cookie.Name, out var value) ? Parse(value) : null;
        }

        return request.Headers.NonValidated.TryGetValues(config.Header!, out var values) && values.Count > 0 ? Parse(FirstOf(values)) : null;
    }

    /// <summary>Tells the caller where its session lives, unless it knew.</summary>
    public void Write(HttpResponseMessage response, SessionPin? known, string address, string cluster)
    {
        if (known is { } pin && pin.Address == address && (pin.Cluster is null || pin.Cluster == cluster))
        {
            return;
        }

        var value = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{address};{ClusterPrefix}{cluster}"));
        if (config.Cookie is { } cookie)
        {
            response.Headers.TryAddWithoutValidation("Set-Cookie", CookieText.SetCookie(cookie.Name, value, cookie.Ttl, cookie.Path));
        }
        else
        {
            response.Headers.Remove(config.Header!);
            response.Headers.TryAddWithoutValidation(config.Header!, value);
        }
    }

    private static string FirstOf(System.Net.Http.Headers.HeaderStringValues values)
    {
        foreach (var value in values)
        {
            return value;
        }

        return "";
    }

    private static SessionPin? Parse(string value)
    {
        var bytes = new byte[value.Length];
        if (!Convert.TryFromBase64String(value, bytes, out var length))
        {
            return null;
        }

        var text = Encoding.UTF8.GetString(bytes, 0, length);
        var semicolon = text.IndexOf(';', StringComparison.Ordinal);
        var address = semicolon < 0 ? text : text[..semicolon];
        if (!IPEndPoint.TryParse(address, out var endpoint) || endpoint.Port == 0)
        {
            return null;
        }

        var cluster = semicolon < 0 ? null : text[(semicolon + 1)..].Trim('"');
        return new SessionPin(endpoint.ToString(), cluster?.StartsWith(ClusterPrefix, StringComparison.Ordinal) == true ? cluster[ClusterPrefix.Length..] : cluster);
    }
}

/// <summary>Where a session lives.</summary>
/// <param name="Address">As in <see cref="Clusters.ClusterEndpoint.Name"/>.</param>
/// <param name="Cluster">Null where the caller does not say (gRFC A55 without A60).</param>
internal readonly record struct SessionPin(string Address, string? Cluster);
