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

    /// <summary>The services whose workloads it is for (<c>targetRefs</c>); empty: <see cref="Selector"/> says it.</summary>
    public ImmutableArray<PolicyTarget> Targets { get; init; } = [];

    /// <summary>What happens to a call that matches a rule.</summary>
    public AuthorizationAction Action { get; init; }

    /// <summary>For <see cref="AuthorizationAction.Custom"/>: who is asked, one of MeshConfig's <c>extensionProviders</c>; otherwise empty.</summary>
    public string Provider { get; init; } = "";

    /// <summary>It is only counted what would happen (annotation <c>istio.io/dry-run</c>).</summary>
    public bool IsDryRun { get; init; }

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

    /// <summary>Records what matches; decides nothing.</summary>
    Audit,

    /// <summary>Asks an authorizer about what matches, before any DENY is looked at.</summary>
    Custom,
}

/// <summary>One of <c>targetRefs</c>: a service of the policy's namespace.</summary>
/// <param name="Kind"><c>Service</c> or <c>ServiceEntry</c>.</param>
/// <param name="Name">Its name.</param>
public sealed record PolicyTarget(ManifestKind Kind, string Name);

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
/// <param name="Name">The header's name in lower case, or the name of the filter of <see cref="AuthorizationKey.FilterMetadata"/>; otherwise empty.</param>
/// <param name="Values">One must match; empty: any may be there.</param>
/// <param name="NotValues">None may match.</param>
public sealed record AuthorizationCondition(AuthorizationKey Key, string Name, ImmutableArray<string> Values, ImmutableArray<string> NotValues)
{
    /// <summary>The names that lead to a claim, or to what a filter wrote; otherwise empty.</summary>
    public ImmutableArray<string> Path { get; init; } = [];
}

/// <summary>The attributes of <c>when[].key</c> that are carried out.</summary>
public enum AuthorizationKey
{
    /// <summary><c>source.ip</c>: address of the connection.</summary>
    SourceIp,

    /// <summary><c>remote.ip</c>: address of the caller, by <c>x-forwarded-for</c> where proxies are trusted (MeshConfig).</summary>
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

    /// <summary><c>request.auth.principal</c>: issuer and subject of the end user's token, <c>iss/sub</c>.</summary>
    RequestPrincipal,

    /// <summary><c>request.auth.audiences</c>: the token's <c>aud</c>.</summary>
    RequestAudiences,

    /// <summary><c>request.auth.presenter</c>: the token's <c>azp</c>.</summary>
    RequestPresenter,

    /// <summary><c>request.auth.claims[name]</c>, also nested: <c>request.auth.claims[outer][inner]</c>.</summary>
    RequestClaim,

    /// <summary><c>experimental.envoy.filters.FILTER[name]</c>: what a filter wrote about the request.</summary>
    FilterMetadata,
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

    /// <summary>Addresses of the caller: the connection's, or by <c>x-forwarded-for</c> where proxies are trusted (MeshConfig).</summary>
    public ImmutableArray<IPNetwork> RemoteIpBlocks { get; init; } = [];

    /// <summary>Addresses that must not match.</summary>
    public ImmutableArray<IPNetwork> NotRemoteIpBlocks { get; init; } = [];

    /// <summary>Service accounts as <c>namespace/name</c>, in whatever trust domain.</summary>
    public ImmutableArray<string> ServiceAccounts { get; init; } = [];

    /// <summary>Service accounts that must not match.</summary>
    public ImmutableArray<string> NotServiceAccounts { get; init; } = [];

    /// <summary>Trust domains of the identity; <c>cluster.local</c> is the mesh's own.</summary>
    public ImmutableArray<string> TrustDomains { get; init; } = [];

    /// <summary>Trust domains that must not match.</summary>
    public ImmutableArray<string> NotTrustDomains { get; init; } = [];

    /// <summary>End users as <c>issuer/subject</c>.</summary>
    public ImmutableArray<string> RequestPrincipals { get; init; } = [];

    /// <summary>End users that must not match.</summary>
    public ImmutableArray<string> NotRequestPrincipals { get; init; } = [];
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
