using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Options;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.Manifests.Kinds;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Federation;

/// <summary>
/// Asks the bundle endpoint of another trust domain (SPIFFE Federation §5). Every question is a new connection, verified by what is trusted at that moment;
/// redirects are not followed; size and time are bounded.
/// </summary>
internal sealed class BundleEndpointClient(MeshTrust trust, IOptions<MeshControlPlaneOptions> options)
{
    /// <summary>For everything: connecting, the handshake, the answer.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);

    private static readonly List<SslApplicationProtocol> Protocols = [SslApplicationProtocol.Http11];

    public async Task<BundleAnswer> FetchAsync(FederatedTrustDomainManifest manifest, CancellationToken cancellationToken)
    {
        try
        {
            using var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, SslOptions = Tls(manifest), MaxResponseHeadersLength = 16 };
            using var client = new HttpClient(handler) { Timeout = Timeout, MaxResponseContentBufferSize = SpiffeBundleReader.MaxBytes };
            using var answer = await client.GetAsync(manifest.BundleEndpointUrl, cancellationToken);
            return answer.IsSuccessStatusCode
                ? BundleAnswer.Of(await answer.Content.ReadAsStringAsync(cancellationToken))
                : BundleAnswer.Failed($"it answered with status {(int)answer.StatusCode}");
        }
        catch (Exception error) when (error is HttpRequestException or IOException or InvalidOperationException or CryptographicException or UnauthorizedAccessException
            || (error is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return BundleAnswer.Failed(error is OperationCanceledException ? $"it gave no answer within {Timeout.TotalSeconds:0} seconds" : Reason(error));
        }
    }

    private SslClientAuthenticationOptions Tls(FederatedTrustDomainManifest manifest)
    {
        var host = manifest.BundleEndpointUrl!.IdnHost;
        if (manifest.Profile == BundleEndpointProfile.HttpsSpiffe)
        {
            return SpiffeTls.ForBundleEndpoint(trust.Current.Bundles, SpiffeId.Parse(manifest.EndpointSpiffeId), host, Protocols);
        }

        var tls = new SslClientAuthenticationOptions { TargetHost = host, EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13, ApplicationProtocols = Protocols, AllowRenegotiation = false };
        if (options.Value.Federation.WebRoots is { Length: > 0 } file)
        {
            tls.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
            tls.CertificateChainPolicy.CustomTrustStore.ImportFromPemFile(file);
        }

        return tls;
    }

    // The outer message of a failed handshake says only that it failed.
    private static string Reason(Exception error) => error.InnerException is { } cause ? $"{error.Message.TrimEnd('.')}: {cause.Message.TrimEnd('.')}" : error.Message.TrimEnd('.');
}
