using System.Collections.Immutable;
using System.Net;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>
/// Who may call the selected workloads (Istio <c>AuthorizationPolicy</c>). No rules: nothing matches, so ALLOW without rules denies all
/// and DENY without rules denies nothing. A rule without content matches everything.
/// </summary>
public sealed record AuthorizationPolicyManifest : Manifest
{
    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.AuthorizationPolicy;

    /// <summary>Labels of the workloads; empty: all of the namespace, or of the mesh in the root namespace.</summary>
    public ImmutableSortedDictionary<string, string> Selector { get; init; } = LabelSet.Empty;

    /// <summary>It is for workloads of the mesh: it does not name gateways (<c>targetRefs</c>), which this mesh does not have.</summary>
    public bool IsForMesh { get; init; } = true;

    /// <summary>What happens to a call that matches a rule.</summary>
    public AuthorizationAction Action { get; init; }

    /// <summary>A call matches the policy when it matches one rule.</summary>
    public ImmutableArray<AuthorizationRule> Rules { get; init; } = [];
}

/// <summary><c>spec.action</c>.</summary>
public enum AuthorizationAction
{
    /// <summary>Lets in what matches; once a workload has an ALLOW policy, what matches none is refused.</summary>
    Allow,

    /// <summary>Refuses what matches, before any ALLOW is looked at.</summary>
    Deny,
}

/// <summary>Matches when one of <see cref="From"/>, one of <see cref="To"/> and all of <see cref="When"/> match; an empty list matches anything.</summary>
public sealed record AuthorizationRule
{
    /// <summary><c>from[].source</c>.</summary>
    public ImmutableArray<AuthorizationSource> From { get; init; } = [];

    /// <summary><c>to[].operation</c>.</summary>
    public ImmutableArray<AuthorizationOperation> To { get; init; } = [];

    /// <summary><c>when[]</c>: further conditions, each of which must hold.</summary>
    public ImmutableArray<AuthorizationCondition> When { get; init; } = [];
}

/// <summary>A condition on one attribute: one of the values, and none of the others.</summary>
/// <param name="Key">What is compared.</param>
/// <param name="Name">The header's name in lower case; otherwise empty.</param>
/// <param name="Values">One must match; empty: any may be there.</param>
/// <param name="NotValues">None may match.</param>
public sealed record AuthorizationCondition(AuthorizationKey Key, string Name, ImmutableArray<string> Values, ImmutableArray<string> NotValues);

/// <summary>The attributes of <c>when[].key</c> that are carried out.</summary>
public enum AuthorizationKey
{
    /// <summary><c>source.ip</c>: address of the connection.</summary>
    SourceIp,

    /// <summary><c>remote.ip</c>: address of the caller; the connection's, as no header is trusted.</summary>
    RemoteIp,

    /// <summary><c>source.namespace</c>.</summary>
    SourceNamespace,

    /// <summary><c>source.principal</c>.</summary>
    SourcePrincipal,

    /// <summary><c>source.serviceAccount</c>: <c>namespace/name</c>.</summary>
    SourceServiceAccount,

    /// <summary><c>source.trustDomain</c>.</summary>
    SourceTrustDomain,

    /// <summary><c>destination.ip</c>.</summary>
    DestinationIp,

    /// <summary><c>destination.port</c>.</summary>
    DestinationPort,

    /// <summary><c>connection.sni</c>.</summary>
    ConnectionSni,

    /// <summary><c>request.headers[name]</c>.</summary>
    RequestHeader,
}

/// <summary>
/// Who asks. All fields that are not empty must match; within a field one value must. Values are exact, <c>prefix*</c>, <c>*suffix</c>,
/// or <c>*</c> for anything present.
/// </summary>
public sealed record AuthorizationSource
{
    /// <summary>Identities without <c>spiffe://</c>, such as <c>mesh.local/ns/shop/sa/storefront</c>.</summary>
    public ImmutableArray<string> Principals { get; init; } = [];

    /// <summary>Identities that must not match.</summary>
    public ImmutableArray<string> NotPrincipals { get; init; } = [];

    /// <summary>Namespaces of the identity.</summary>
    public ImmutableArray<string> Namespaces { get; init; } = [];

    /// <summary>Namespaces that must not match.</summary>
    public ImmutableArray<string> NotNamespaces { get; init; } = [];

    /// <summary>Addresses of the connection.</summary>
    public ImmutableArray<IPNetwork> IpBlocks { get; init; } = [];

    /// <summary>Addresses that must not match.</summary>
    public ImmutableArray<IPNetwork> NotIpBlocks { get; init; } = [];

    /// <summary>Addresses of the caller: the connection's, as no header is trusted.</summary>
    public ImmutableArray<IPNetwork> RemoteIpBlocks { get; init; } = [];

    /// <summary>Addresses that must not match.</summary>
    public ImmutableArray<IPNetwork> NotRemoteIpBlocks { get; init; } = [];

    /// <summary>Service accounts as <c>namespace/name</c>, in whatever trust domain.</summary>
    public ImmutableArray<string> ServiceAccounts { get; init; } = [];

    /// <summary>Service accounts that must not match.</summary>
    public ImmutableArray<string> NotServiceAccounts { get; init; } = [];
}

/// <summary>What is asked for. Fields and values as in <see cref="AuthorizationSource"/>.</summary>
public sealed record AuthorizationOperation
{
    /// <summary>Values of the Host header, without regard to case.</summary>
    public ImmutableArray<string> Hosts { get; init; } = [];

    /// <summary>Hosts that must not match.</summary>
    public ImmutableArray<string> NotHosts { get; init; } = [];

    /// <summary>Ports of the workload, 1-65535.</summary>
    public ImmutableArray<int> Ports { get; init; } = [];

    /// <summary>Ports that must not match.</summary>
    public ImmutableArray<int> NotPorts { get; init; } = [];

    /// <summary>HTTP methods; for gRPC always <c>POST</c>.</summary>
    public ImmutableArray<string> Methods { get; init; } = [];

    /// <summary>Methods that must not match.</summary>
    public ImmutableArray<string> NotMethods { get; init; } = [];

    /// <summary>Paths without query; for gRPC <c>/package.service/method</c>. In them <c>{*}</c> is one segment, <c>{**}</c> any number.</summary>
    public ImmutableArray<string> Paths { get; init; } = [];

    /// <summary>Paths that must not match.</summary>
    public ImmutableArray<string> NotPaths { get; init; } = [];
}
