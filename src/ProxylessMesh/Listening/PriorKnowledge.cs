using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace ProxylessMesh.Listening;

/// <summary>
/// Lets Kestrel speak HTTP/2 on a plaintext connection that began with its preface, on an endpoint that also takes HTTP/1.1: there
/// Kestrel believes only ALPN, so it is told of one, with a TLS feature that has no certificate. The peer is not read from here.
/// </summary>
internal static class PriorKnowledge
{
    private static readonly NoTls Feature = new();

    /// <summary>Says HTTP/2 where ALPN says something that means it.</summary>
    public static ITlsApplicationProtocolFeature Http2 => Feature;

    public static void Announce(ConnectionContext connection)
    {
        connection.Features.Set<ITlsApplicationProtocolFeature>(Feature);
        connection.Features.Set<ITlsConnectionFeature>(Feature);
    }

    private sealed class NoTls : ITlsApplicationProtocolFeature, ITlsConnectionFeature
    {
        public ReadOnlyMemory<byte> ApplicationProtocol { get; } = "h2"u8.ToArray();

        public X509Certificate2? ClientCertificate
        {
            get => null;
            set => throw new NotSupportedException("A plaintext connection has no client certificate.");
        }

        public Task<X509Certificate2?> GetClientCertificateAsync(CancellationToken cancellationToken) => Task.FromResult<X509Certificate2?>(null);
    }
}
