using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace ProxylessMesh.ControlPlane.Store;

/// <summary>An accepted state of all manifest files, as it is kept.</summary>
/// <param name="Number">Grows by one with each accepted change.</param>
/// <param name="CreatedAt">When it was accepted.</param>
/// <param name="Files">All files, by name.</param>
internal sealed record StoredRevision(long Number, DateTimeOffset CreatedAt, ImmutableArray<StoredFile> Files);

/// <summary>A manifest file of a revision.</summary>
/// <param name="Name">Its path under the manifest folder, with <c>/</c>.</param>
/// <param name="Text">Its content.</param>
internal sealed record StoredFile(string Name, string Text);

[JsonSerializable(typeof(StoredRevision))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class StoreJson : JsonSerializerContext;
