using System.Collections.Frozen;

namespace ProxylessMesh.Xds.Resources;

/// <summary>What the decoders of one resource share.</summary>
/// <param name="certificateProviders">Those of the bootstrap; null: any name is one.</param>
internal sealed class DecodeContext(FrozenSet<string>? certificateProviders)
{
    public DecodeErrors Errors { get; } = new();

    /// <summary>Whether the bootstrap has a certificate provider of that name.</summary>
    public bool HasProvider(string instanceName) => certificateProviders is null || certificateProviders.Contains(instanceName);
}
