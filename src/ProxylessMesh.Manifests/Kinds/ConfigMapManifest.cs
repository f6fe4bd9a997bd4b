using System.Collections.Immutable;
using ProxylessMesh.Manifests.Reading;

namespace ProxylessMesh.Manifests.Kinds;

/// <summary>Texts that other manifests refer to (core/v1 <c>ConfigMap</c>): here, roots under <c>ca.crt</c>.</summary>
public sealed record ConfigMapManifest : Manifest
{
    /// <summary>The key under which Gateway API looks for roots in PEM.</summary>
    public const string CaKey = "ca.crt";

    /// <inheritdoc/>
    public override ManifestKind Kind => ManifestKind.ConfigMap;

    /// <summary><c>data</c>.</summary>
    public ImmutableSortedDictionary<string, string> Data { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>The roots under <see cref="CaKey"/>; null where there are none that can be read.</summary>
    internal string? Roots() => Data.TryGetValue(CaKey, out var pem) && PemText.HasCertificates(pem) ? pem : null;
}
