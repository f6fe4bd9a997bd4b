namespace ProxylessMesh.Manifests.Kinds;

/// <summary>
/// Another trust domain whose workloads may be met, and where its bundle comes from (SPIFFE Federation §5; the words are those of SPIRE's
/// ClusterFederatedTrustDomain). That they may be met opens nothing: AuthorizationPolicy decides who may call.
/// </summary>
public sealed record FederatedTrustDomainManifest : Manifest
{
    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.FederatedTrustDomain;

    /// <summary>Its name, without <c>spiffe://</c>.</summary>
    public required string TrustDomain { get; init; }

    /// <summary>Where its bundle is polled; null: it is not, and <see cref="TrustDomainBundle"/> stays as written.</summary>
    public Uri? BundleEndpointUrl { get; init; }

    /// <summary>How the endpoint proves itself.</summary>
    public BundleEndpointProfile Profile { get; init; }

    /// <summary>The endpoint's own ID, for <see cref="BundleEndpointProfile.HttpsSpiffe"/>; else empty.</summary>
    public string EndpointSpiffeId { get; init; } = "";

    /// <summary>The bundle to begin with, a SPIFFE bundle document; empty: the first answer of the endpoint.</summary>
    public string TrustDomainBundle { get; init; } = "";
}

/// <summary>How a bundle endpoint proves itself (SPIFFE Federation §5.2).</summary>
public enum BundleEndpointProfile
{
    /// <summary>By a certificate that the system's certificate authorities know.</summary>
    HttpsWeb,

    /// <summary>By an X.509-SVID, verified by the bundle in hand.</summary>
    HttpsSpiffe,
}
