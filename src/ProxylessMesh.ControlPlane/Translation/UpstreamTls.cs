using System.Collections.Immutable;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Envoy.Type.Matcher.V3;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>TLS towards hosts that are no workloads of the mesh: they prove a DNS name under the roots of the system, or those that are given.</summary>
internal static class UpstreamTls
{
    /// <param name="tls">What the DestinationRule says.</param>
    /// <param name="dnsName">The name of the host, where the rule says no other.</param>
    /// <param name="entryNames">The names of its ServiceEntry, where the rule says none.</param>
    public static TransportSocket Of(ClientTls tls, string dnsName, ImmutableArray<string> entryNames)
    {
        var serverName = tls.Sni.Length > 0 ? tls.Sni : dnsName;
        ImmutableArray<string> names = !tls.SubjectAltNames.IsEmpty ? tls.SubjectAltNames : !entryNames.IsEmpty ? entryNames : [serverName];
        var validation = new CertificateValidationContext { MatchSubjectAltNames = { names.Select(name => new StringMatcher { Exact = name }) } };
        if (tls.CaCertificates.Length > 0)
        {
            validation.TrustedCa = new DataSource { InlineString = tls.CaCertificates };
        }
        else
        {
            validation.SystemRootCerts = new CertificateValidationContext.Types.SystemRootCerts();
        }

        var common = new CommonTlsContext { ValidationContext = validation };
        return MeshTls.Socket(new UpstreamTlsContext { CommonTlsContext = common, Sni = serverName });
    }
}
