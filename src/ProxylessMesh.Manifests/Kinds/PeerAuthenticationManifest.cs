using System.Collections.Immutable;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>Whether callers of the selected workloads must use mTLS (Istio <c>PeerAuthentication</c>).</summary>
public sealed record PeerAuthenticationManifest : Manifest
{
    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.PeerAuthentication;

    /// <summary>Labels of the workloads; empty: all of the namespace, or of the mesh in the root namespace.</summary>
    public ImmutableSortedDictionary<string, string> Selector { get; init; } = LabelSet.Empty;

    /// <summary><c>mtls.mode</c>.</summary>
    public MtlsMode Mode { get; init; }

    /// <summary><c>portLevelMtls</c>: exceptions by the workload's port. Only with a selector.</summary>
    public ImmutableSortedDictionary<int, MtlsMode> PortLevel { get; init; } = ImmutableSortedDictionary<int, MtlsMode>.Empty;
}

/// <summary>What a workload accepts.</summary>
public enum MtlsMode
{
    /// <summary>As the next wider policy says (workload, namespace, mesh); PERMISSIVE where none does.</summary>
    Unset,

    /// <summary>Plaintext only.</summary>
    Disable,

    /// <summary>mTLS and plaintext.</summary>
    Permissive,

    /// <summary>mTLS only.</summary>
    Strict,
}
