using System.Collections.Immutable;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf.WellKnownTypes;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>The transport sockets of mesh mTLS. Certificates and roots come from the client's provider instance <c>default</c> (gRFC A29).</summary>
internal static class MeshTls
{
    private const string SocketName = "envoy.transport_sockets.tls";
    private const string Provider = "default";

    /// <summary>Towards workloads that prove one of <paramref name="identities"/>; at least one, as an empty list would accept anybody.</summary>
    public static TransportSocket Upstream(ImmutableArray<string> identities)
    {
        ArgumentOutOfRangeException.ThrowIfZero(identities.Length);
        return Socket(new UpstreamTlsContext { CommonTlsContext = Context([.. identities.Select(identity => new StringMatcher { Exact = identity })]) });
    }

    /// <summary>From callers that must show a certificate of the mesh; which of them may call what is the RBAC filters' to say.</summary>
    /// <param name="requiresTls13">TLS 1.2 is refused. Not for gRPC's servers, some of which refuse <c>tls_params</c>.</param>
    public static TransportSocket Downstream(bool requiresTls13 = false)
    {
        var context = Context([]);
        if (requiresTls13)
        {
            context.TlsParams = new TlsParameters { TlsMinimumProtocolVersion = TlsParameters.Types.TlsProtocol.Tlsv13 };
        }

        return Socket(new DownstreamTlsContext { CommonTlsContext = context, RequireClientCertificate = true });
    }

    /// <summary>A TLS context as a transport socket.</summary>
    public static TransportSocket Socket(Google.Protobuf.IMessage context) => new() { Name = SocketName, TypedConfig = Any.Pack(context) };

    private static CommonTlsContext Context(ImmutableArray<StringMatcher> names) => new()
    {
        TlsCertificateProviderInstance = new CertificateProviderPluginInstance { InstanceName = Provider },
        ValidationContext = new CertificateValidationContext
        {
            CaCertificateProviderInstance = new CertificateProviderPluginInstance { InstanceName = Provider },
            MatchSubjectAltNames = { names },
        },
    };
}
