namespace ProxylessMesh.ControlPlane.Ca.Doors;

/// <summary>What came of a review of a service-account token.</summary>
/// <param name="Namespace">The account's namespace; empty when the token was not good.</param>
/// <param name="ServiceAccount">The account; empty when the token was not good.</param>
/// <param name="Fault">Why nothing is proved, in words for the caller; null when something is.</param>
/// <param name="IsUnknown">Whether that is because nobody could be asked: the caller should try again.</param>
internal sealed record ServiceAccountVerdict(string Namespace, string ServiceAccount, string? Fault, bool IsUnknown)
{
    public static ServiceAccountVerdict Of(string namespaceName, string serviceAccount) => new(namespaceName, serviceAccount, null, false);

    public static ServiceAccountVerdict Bad(string fault) => new("", "", fault, false);

    public static ServiceAccountVerdict Unknown(string fault) => new("", "", fault, true);
}
