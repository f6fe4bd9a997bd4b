using Grpc.Core;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>Who is at the other end of a request's connection, as its verified client certificate says.</summary>
internal static class MeshCallers
{
    /// <summary>
    /// The caller's ID; <see langword="null"/> when it sent no certificate, when the certificate has expired since the handshake, or when the
    /// connection did not come by the mesh's door, where certificates are verified.
    /// </summary>
    /// <exception cref="RpcException">PERMISSION_DENIED: the identity is revoked.</exception>
    public static SpiffeId? Find(HttpContext http, TimeProvider time)
        => http.Features.Get<MeshDoor>() is { } door
            && http.Connection.ClientCertificate is { } certificate
            && time.GetUtcNow() < certificate.NotAfter.ToUniversalTime()
            && X509SvidValidator.TryReadId(certificate, out var id)
                ? door.IsRevoked(id) ? throw Revoked(id) : id
                : null;

    /// <summary>What a caller is told whose identity is revoked.</summary>
    public static RpcException Revoked(SpiffeId id) => new(new Status(StatusCode.PermissionDenied, $"Identity '{id}' is revoked. An operator can restore it with 'mesh ca restore'."));
}
