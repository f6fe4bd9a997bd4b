using System.Text.Json.Serialization;

namespace ProxylessMesh.ControlPlane.Federation;

/// <summary>A foreign bundle as it is kept.</summary>
/// <param name="TrustDomain">Whose.</param>
/// <param name="Beginning">SHA-256 of the bundle that the manifest gave to begin with: when an operator writes another one, all begins anew by it.</param>
/// <param name="Document">The bundle document, as it came.</param>
internal sealed record FederatedBundle(string TrustDomain, string Beginning, string Document);

/// <summary>The bundles' file.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(FederatedBundle[]))]
internal sealed partial class FederatedBundleJson : JsonSerializerContext;
