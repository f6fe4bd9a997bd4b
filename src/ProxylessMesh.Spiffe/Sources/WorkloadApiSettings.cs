namespace ProxylessMesh.Spiffe;

/// <summary>Which agent to ask, and for which of the process's identities.</summary>
internal sealed record WorkloadApiSettings
{
    public required WorkloadApiAddress Address { get; init; }

    /// <summary>The hint of the identity to use, where there are several. Empty: the default, which is the first (SPIFFE Workload API §5.3).</summary>
    public string Hint { get; init; } = "";
}
