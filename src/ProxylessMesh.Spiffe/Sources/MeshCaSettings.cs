namespace ProxylessMesh.Spiffe;

/// <summary>Whom to ask for a certificate, as whom, by what proof.</summary>
internal sealed record MeshCaSettings
{
    public required Uri ControlPlane { get; init; }

    /// <summary>Needed for the first certificate; not where a sealed identity that is still valid was restored.</summary>
    public JoinToken? Token { get; init; }

    /// <summary>A projected service-account token in place of <see cref="Token"/>; read anew for each attempt. Empty: none.</summary>
    public string KubernetesTokenFile { get; init; } = "";

    /// <summary>
    /// The roots by which the control plane proves itself before a service-account token goes to it: such a token carries no hash of them, as
    /// a join token does. Read anew for each attempt.
    /// </summary>
    public string RootFile { get; init; } = "";

    /// <summary>Whose roots <see cref="RootFile"/> has where it does not say so.</summary>
    public TrustDomain? TrustDomain { get; init; }

    public required string Namespace { get; init; }

    public required string ServiceAccount { get; init; }

    /// <summary>How long one attempt may take.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
