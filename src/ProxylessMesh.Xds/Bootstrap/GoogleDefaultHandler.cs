using System.Net.Http.Headers;

namespace ProxylessMesh.Xds.Bootstrap;

/// <summary>Sends each call with a fresh token of Google's default credentials (<c>google_default</c> of a bootstrap).</summary>
internal sealed class GoogleDefaultHandler(GoogleCredentials credentials, HttpMessageHandler inner) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var token = await credentials.TokenAsync(Audience(request.RequestUri!), cancellationToken).ConfigureAwait(false);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
    }

    // The service, without its method.
    private static string Audience(Uri uri) => $"https://{uri.Host}{uri.AbsolutePath[..uri.AbsolutePath.LastIndexOf('/')]}";
}
