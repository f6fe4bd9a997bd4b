namespace ProxylessMesh.Spiffe;

/// <summary>Whom to ask for a certificate, as whom, by what proof.</summary>
internal sealed record MeshCaSettings
{
    public required Uri ControlPlane { get; init; }

    /// <summary>Needed for the first certificate; not where a sealed identity that is still valid was restored.</summary>
    public JoinToken? Token { get; init; }

    public required string Namespace { get; init; }

    public required string ServiceAccount { get; init; }

    /// <summary>How long one attempt may take.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
