using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Xds;

/// <summary>Who is at the other end of an ADS stream.</summary>
/// <param name="Id">What it calls itself: a name for people, and the instance id of its registration. Grants nothing.</param>
/// <param name="Identity">What its certificate proves; null on the plaintext port.</param>
/// <param name="Namespace">Where its short names are looked up.</param>
/// <param name="UserAgent">Its xDS client and version, as it says.</param>
internal sealed record AdsNode(string Id, SpiffeId? Identity, string Namespace, string UserAgent)
{
    /// <summary>The namespace that an ID proves; null for an ID of another layout.</summary>
    public static string? NamespaceOf(SpiffeId id) => id.Path.Split('/') is ["", "ns", var proved, "sa", _] ? proved : null;
}
