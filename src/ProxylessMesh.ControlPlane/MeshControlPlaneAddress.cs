namespace ProxylessMesh.ControlPlane;

/// <summary>Where an embedded control plane listens, once it has started: the real ports, also where port 0 was asked for.</summary>
public sealed class MeshControlPlaneAddress
{
    private Uri? _https;

    /// <summary>Gets the HTTPS address: gRPC, and the admin API under <c>/api/v1</c>. For <c>Mesh:ControlPlane</c>.</summary>
    /// <exception cref="InvalidOperationException">The control plane has not started yet.</exception>
    public Uri Https => _https ?? throw new InvalidOperationException("The control plane has not started yet. Start the host first.");

    /// <summary>Gets the plaintext xDS address; null where there is none.</summary>
    public Uri? PlaintextXds { get; private set; }

    /// <summary>Gets the address where other trust domains find our bundle; null where it is not served.</summary>
    public Uri? BundleEndpoint { get; private set; }

    internal void Set(Uri https, Uri? plaintextXds, Uri? bundleEndpoint) => (_https, PlaintextXds, BundleEndpoint) = (https, plaintextXds, bundleEndpoint);
}
