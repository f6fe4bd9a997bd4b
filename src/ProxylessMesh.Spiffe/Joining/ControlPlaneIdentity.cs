namespace ProxylessMesh.Spiffe;

/// <summary>The SPIFFE ID that every control plane of the mesh presents: <c>ns/mesh-system/sa/control-plane</c> of its trust domain.</summary>
internal static class ControlPlaneIdentity
{
    public const string Namespace = "mesh-system";

    public const string ServiceAccount = "control-plane";

    public const string Path = "/ns/" + Namespace + "/sa/" + ServiceAccount;

    public static SpiffeId In(TrustDomain trustDomain) => SpiffeId.ForServiceAccount(trustDomain, Namespace, ServiceAccount);

    /// <summary>What SNI carries towards a control plane: no address, and the same for all of them.</summary>
    public static string TlsName(TrustDomain trustDomain) => $"{ServiceAccount}.{Namespace}.{trustDomain.Name}";

    public static bool Is(SpiffeId peer, TrustDomain trustDomain) => peer.TrustDomain == trustDomain && string.Equals(peer.Path, Path, StringComparison.Ordinal);
}
