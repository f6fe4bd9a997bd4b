namespace ProxylessMesh.Spiffe;

/// <summary>The SPIFFE ID that every control plane of the mesh presents: <c>ns/mesh-system/sa/control-plane</c> of its trust domain.</summary>
internal static class ControlPlaneIdentity
{
    public const string Namespace = "mesh-system";

    public const string ServiceAccount = "control-plane";

    public const string Path = "/ns/" + Namespace + "/sa/" + ServiceAccount;

    private const string RootSuffix = "root." + ServiceAccount;

    public static SpiffeId In(TrustDomain trustDomain) => SpiffeId.ForServiceAccount(trustDomain, Namespace, ServiceAccount);

    /// <summary>What SNI carries towards a control plane: no address, and the same for all of them.</summary>
    public static string TlsName(TrustDomain trustDomain) => $"{ServiceAccount}.{Namespace}.{trustDomain.Name}";

    /// <summary>
    /// What SNI carries at a first contact: by which root the caller will verify the answer. While two roots are in force the control plane has a
    /// certificate under each. The first 16 bytes of the root's SHA-256 say enough, and are no secret.
    /// </summary>
    public static string EnrolmentTlsName(ReadOnlySpan<byte> rootHash) => $"{Convert.ToHexStringLower(rootHash[..16])}.{RootSuffix}";

    /// <summary>Whether a caller that sent this SNI verifies by a root.</summary>
    public static bool Asks(string? tlsName, ReadOnlySpan<byte> rootHash)
        => tlsName is not null && tlsName.EndsWith(RootSuffix, StringComparison.Ordinal) && tlsName == EnrolmentTlsName(rootHash);

    public static bool Is(SpiffeId peer, TrustDomain trustDomain) => peer.TrustDomain == trustDomain && string.Equals(peer.Path, Path, StringComparison.Ordinal);
}
