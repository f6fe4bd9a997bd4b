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

/// <summary>Matches when one of <see cref="From"/> and one of <see cref="To"/> match; an empty list matches anything.</summary>
public sealed record AuthorizationRule
{
    /// <summary><c>from[].source</c>.</summary>
    public ImmutableArray<AuthorizationSource> From { get; init; } = [];

    /// <summary><c>to[].operation</c>.</summary>
    public ImmutableArray<AuthorizationOperation> To { get; init; } = [];
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

    /// <summary>Paths without query; for gRPC <c>/package.service/method</c>.</summary>
    public ImmutableArray<string> Paths { get; init; } = [];

    /// <summary>Paths that must not match.</summary>
    public ImmutableArray<string> NotPaths { get; init; } = [];
}
