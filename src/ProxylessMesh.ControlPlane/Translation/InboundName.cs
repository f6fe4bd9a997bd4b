using System.Diagnostics.CodeAnalysis;
using System.Net;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>Which kind of server asks for an inbound listener: they understand different filter chains.</summary>
internal enum InboundDialect
{
    /// <summary>Ours: tells TLS and plaintext apart by the first byte.</summary>
    Mesh,

    /// <summary>A gRPC server (gRFC A36): one chain for every connection, and the transport protocol <c>tls</c> never matches.</summary>
    Grpc,
}

/// <summary>The name that a server asks its listener by: a template with the listening address.</summary>
/// <param name="Dialect">Whose template it is.</param>
/// <param name="Address">Where the server listens.</param>
internal sealed record InboundName(InboundDialect Dialect, IPEndPoint Address)
{
    public const string MeshPrefix = "proxylessmesh/inbound/";
    private const string GrpcPrefix = "grpc/server?xds.resource.listening_address=";
    private const string IstioPrefix = "xds.istio.io/grpc/lds/inbound/";

    /// <summary>Takes a requested name apart; false where it is not a server's.</summary>
    public static bool TryParse(string requestedName, [NotNullWhen(true)] out InboundName? name)
    {
        name = Parse(requestedName, MeshPrefix, InboundDialect.Mesh)
            ?? Parse(requestedName, GrpcPrefix, InboundDialect.Grpc)
            ?? Parse(requestedName, IstioPrefix, InboundDialect.Grpc);
        return name is not null;
    }

    private static InboundName? Parse(string requestedName, string prefix, InboundDialect dialect)
        => requestedName.StartsWith(prefix, StringComparison.Ordinal)
            && IPEndPoint.TryParse(requestedName.AsSpan(prefix.Length), out var address)
            && address.Port != 0
            ? new InboundName(dialect, address)
            : null;
}
