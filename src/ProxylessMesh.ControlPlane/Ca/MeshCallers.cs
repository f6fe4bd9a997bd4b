using Microsoft.AspNetCore.Http;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>Who is at the other end of a request's connection, as its verified client certificate says.</summary>
internal static class MeshCallers
{
    /// <summary>The caller's ID; <see langword="null"/> when it sent no certificate, or the certificate has expired since the handshake.</summary>
    public static SpiffeId? Find(HttpContext http, TimeProvider time)
        => http.Connection.ClientCertificate is { } certificate
            && time.GetUtcNow() < certificate.NotAfter.ToUniversalTime()
            && X509SvidValidator.TryReadId(certificate, out var id)
                ? id
                : null;
}
