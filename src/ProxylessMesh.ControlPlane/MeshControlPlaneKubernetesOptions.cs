namespace ProxylessMesh.ControlPlane;

/// <summary>
/// Whether a pod may prove itself by its service-account token, which the Kubernetes API server is asked about (TokenReview).
/// The control plane's own account needs the cluster role <c>system:auth-delegator</c>.
/// </summary>
public sealed class MeshControlPlaneKubernetesOptions
{
    /// <summary>The audience that is asked for where <see cref="Audiences"/> names none: what Istio's agents put into their tokens.</summary>
    public const string DefaultAudience = "istio-ca";

    /// <summary>Gets or sets whether service-account tokens are taken. Default: false.</summary>
    public bool ReviewTokens { get; set; }

    /// <summary>Gets or sets the kubeconfig file that says where the API server is. Empty (the default): that of the cluster the control plane runs in.</summary>
    public string KubeConfig { get; set; } = "";

    /// <summary>Gets the audiences of which a token must have at least one. Empty: <see cref="DefaultAudience"/>.</summary>
    public IList<string> Audiences { get; } = [];

    /// <summary>Gets or sets how long the API server may take. 100 milliseconds to 1 minute; default 5 seconds.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(5);
}
