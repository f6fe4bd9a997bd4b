namespace ProxylessMesh.ControlPlane;

/// <summary>What the CA may issue, whatever proof somebody brings. The section <c>MeshControlPlane:Issuance</c>.</summary>
public sealed class MeshIssuanceOptions
{
    /// <summary>
    /// Gets the service accounts that may have certificates, as <c>namespace/account</c>; <c>*</c> for any of either. Empty (the default): all
    /// that can be proved.
    /// </summary>
    public IList<string> ServiceAccounts { get; } = [];

    /// <summary>
    /// Gets the kinds of keys that are certified: <c>ecdsa-p256</c>, <c>ecdsa-p384</c>, <c>rsa-2048</c>, <c>rsa-3072</c>, <c>rsa-4096</c>.
    /// Empty (the default): ECDSA P-256 and P-384, RSA with 2048 to 8192 bits.
    /// </summary>
    public IList<string> KeyTypes { get; } = [];

    /// <summary>Gets or sets the shortest lifetime of a certificate; who asks for less gets this. 10 seconds to 90 days; default 1 minute.</summary>
    public TimeSpan MinLifetime { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Gets or sets the longest lifetime of a certificate; who asks for more gets this. 1 minute to 90 days; default 90 days.</summary>
    public TimeSpan MaxLifetime { get; set; } = TimeSpan.FromDays(90);
}
