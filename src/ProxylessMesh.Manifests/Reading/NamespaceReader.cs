using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads core/v1 <c>Namespace</c>.</summary>
internal static class NamespaceReader
{
    public static NamespaceManifest Read(YamlMap document, ManifestHeader header)
    {
        document.Ignore("spec");
        return new NamespaceManifest { Name = header.Name };
    }
}
