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
    public static TransportSocket Downstream()
        => Socket(new DownstreamTlsContext { CommonTlsContext = Context([]), RequireClientCertificate = true });

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
