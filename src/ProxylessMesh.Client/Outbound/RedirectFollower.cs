using System.Net;

namespace ProxylessMesh.Client.Outbound;

/// <summary>
/// Follows redirects, a route's own and a server's, for a client whose primary handler would: the mesh stands in that handler's place, so
/// its <c>AllowAutoRedirect</c> (on by default) and <c>MaxAutomaticRedirections</c> still count. The rules are those of SocketsHttpHandler.
/// </summary>
/// <param name="most">Redirects followed in a row.</param>
/// <param name="send">Sends a request again, wherever it now leads: into the mesh or past it.</param>
internal sealed class RedirectFollower(int most, Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>> send)
{
    private static readonly HttpRequestOptionsKey<int> Followed = new("proxylessmesh.redirects");

    /// <returns>Null where the client does not follow, or cannot be asked.</returns>
    public static RedirectFollower? For(HttpMessageHandler primary, Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>> send)
    {
        var handler = primary;
        while (handler is DelegatingHandler { InnerHandler: { } inner })
        {
            handler = inner;
        }

        return handler switch
        {
            SocketsHttpHandler { AllowAutoRedirect: true } sockets => new RedirectFollower(sockets.MaxAutomaticRedirections, send),
            HttpClientHandler { AllowAutoRedirect: true } client => new RedirectFollower(client.MaxAutomaticRedirections, send),
            _ => null,
        };
    }

    public static bool IsRedirect(HttpResponseMessage response) => (int)response.StatusCode is 300 or 301 or 302 or 303 or 307 or 308;

    /// <returns>What is there, or the answer itself where it leads nowhere that may be followed.</returns>
    public Task<HttpResponseMessage> FollowAsync(HttpRequestMessage request, HttpResponseMessage response, CancellationToken cancellationToken)
    {
        _ = request.Options.TryGetValue(Followed, out var followed);
        if (followed >= most || Target(request.RequestUri!, response.Headers.Location) is not { } target)
        {
            return Task.FromResult(response);
        }

        request.Options.Set(Followed, followed + 1);
        if (BecomesGet((int)response.StatusCode, request.Method))
        {
            request.Method = HttpMethod.Get;
            request.Content = null;
            if (request.Headers.TransferEncodingChunked == true)
            {
                request.Headers.TransferEncodingChunked = false;
            }
        }

        response.Dispose();

        // Whoever is there now was not who the credentials were for.
        request.Headers.Authorization = null;
        request.RequestUri = target;
        return send(request, cancellationToken);
    }

    private static Uri? Target(Uri called, Uri? location)
    {
        if (location is null)
        {
            return null;
        }

        var target = location.IsAbsoluteUri ? location : new Uri(called, location);
        if (called.Fragment.Length > 0 && target.Fragment.Length == 0)
        {
            target = new UriBuilder(target) { Fragment = called.Fragment }.Uri;
        }

        // Never from an encrypted address to one that is not.
        var isHttp = target.Scheme == Uri.UriSchemeHttps || (target.Scheme == Uri.UriSchemeHttp && called.Scheme != Uri.UriSchemeHttps);
        return isHttp ? target : null;
    }

    private static bool BecomesGet(int status, HttpMethod method)
        => status == (int)HttpStatusCode.SeeOther ? method != HttpMethod.Get && method != HttpMethod.Head : status < 303 && method == HttpMethod.Post;
}
