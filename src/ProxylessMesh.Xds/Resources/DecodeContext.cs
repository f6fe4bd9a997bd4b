using System.Collections.Frozen;

namespace ProxylessMesh.Xds.Resources;

/// <summary>What the decoders of one resource share.</summary>
internal sealed class DecodeContext(FrozenSet<string> certificateProviders)
{
    public DecodeErrors Errors { get; } = new();

    /// <summary>Whether the bootstrap has a certificate provider of that name.</summary>
    public bool HasProvider(string instanceName) => certificateProviders.Contains(instanceName);
}
