namespace ProxylessMesh.Spiffe;

/// <summary>Which Istio CA to ask, by what proof, and how it is recognised.</summary>
internal sealed record IstioCaSettings
{
    public required Uri Address { get; init; }

    /// <summary>The projected service-account token; read anew for each attempt, because Kubernetes replaces it.</summary>
    public required string TokenFile { get; init; }

    /// <summary>PEM roots that the CA's own server certificate ends in; read anew for each attempt.</summary>
    public required string RootFile { get; init; }

    /// <summary>The DNS name, or the SPIFFE ID, in the CA's server certificate.</summary>
    public required string ServerName { get; init; }

    /// <summary>The cluster that the token is of, as Istio's multi-cluster CA wants to know it. Empty: not said.</summary>
    public string ClusterId { get; init; } = "";

    /// <summary>What is asked for; the CA may give less.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How long one attempt may take.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
