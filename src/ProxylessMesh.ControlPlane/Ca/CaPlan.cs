using System.Text.Json.Serialization;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary><c>ca.json</c>: which authorities there are and which one signs. The one commit point of a rotation: replaced whole.</summary>
internal sealed record CaPlan
{
    /// <summary>Oldest first: one, or two while a rotation is under way.</summary>
    public required IReadOnlyList<CaPlanEntry> Authorities { get; init; }

    /// <summary>The hash of the one that signs.</summary>
    public required string Active { get; init; }
}

/// <param name="Hash">SHA-256 of the signing certificate.</param>
/// <param name="File">Its PKCS#12 in the state folder.</param>
/// <param name="AddedAt">Since when its root is in the bundle.</param>
internal sealed record CaPlanEntry(string Hash, string File, DateTimeOffset AddedAt);

/// <summary>The plan's file.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(CaPlan))]
internal sealed partial class CaPlanJson : JsonSerializerContext;
