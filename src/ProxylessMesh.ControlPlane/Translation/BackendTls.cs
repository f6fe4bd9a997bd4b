using System.Collections.Immutable;
using Envoy.Config.Core.V3;
using Envoy.Extensions.TransportSockets.Tls.V3;
using Envoy.Type.Matcher.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>What a BackendTLSPolicy makes of the connections to a port of a Service: TLS as of a web server, in place of the mesh's own.</summary>
internal sealed record BackendTls
{
    /// <summary>Null: no roots can be found for the policy, and nobody may be called without (Gateway API: such connections must fail).</summary>
    public required TransportSocket? Socket { get; init; }

    /// <summary>The policy for a port; null where there is none. A policy that names the port counts before one for the whole Service, then the older.</summary>
    public static BackendTls? Of(ManifestSet manifests, MeshService service, int port)
    {
        var name = service.Manifest?.Ports.FirstOrDefault(candidate => candidate.Port == port)?.Name;
        var policy = manifests.BackendTlsPolicies
            .Where(candidate => candidate.Namespace == service.Namespace)
            .SelectMany(candidate => candidate.Targets.Where(target => target.Name == service.Name && (target.PortName is null || target.PortName == name)).Select(target => (Policy: candidate, target.PortName)))
            .OrderBy(candidate => candidate.PortName is null)
            .Select(candidate => candidate.Policy)
            .FirstOrDefault();
        return policy is null ? null : new BackendTls { Socket = Context(manifests, policy) is { } context ? Wrapped(context) : null };
    }

    private static UpstreamTlsContext? Context(ManifestSet manifests, BackendTlsPolicyManifest policy)
    {
        var roots = policy.CaConfigMaps
            .Select(name => (manifests.Find(ManifestKind.ConfigMap, policy.Namespace, name) as ConfigMapManifest)?.Roots())
            .OfType<string>()
            .ToImmutableArray();
        if (policy.HasUnknownRoots || (!policy.CaConfigMaps.IsEmpty && roots.IsEmpty))
        {
            return null;
        }

        var validation = new CertificateValidationContext { MatchTypedSubjectAltNames = { Names(policy) } };
        if (roots.IsEmpty)
        {
            validation.SystemRootCerts = new CertificateValidationContext.Types.SystemRootCerts();
        }
        else
        {
            validation.TrustedCa = new DataSource { InlineString = string.Join('\n', roots) };
        }

        return new UpstreamTlsContext { Sni = policy.HostName, CommonTlsContext = new CommonTlsContext { ValidationContext = validation } };
    }

    private static IEnumerable<SubjectAltNameMatcher> Names(BackendTlsPolicyManifest policy)
        => policy.SubjectAltNames.IsEmpty ? [Dns(policy.HostName)] : policy.SubjectAltNames.Select(name => name.IsUri
            ? new SubjectAltNameMatcher { SanType = SubjectAltNameMatcher.Types.SanType.Uri, Matcher = new StringMatcher { Exact = name.Value } }
            : Dns(name.Value));

    // A certificate for "*.shop.example" is for every name that it covers: the client compares as web browsers do.
    private static SubjectAltNameMatcher Dns(string name) => new() { SanType = SubjectAltNameMatcher.Types.SanType.Dns, Matcher = new StringMatcher { Exact = name } };

    private static TransportSocket Wrapped(UpstreamTlsContext context) => new() { Name = "envoy.transport_sockets.tls", TypedConfig = Any.Pack(context) };
}
