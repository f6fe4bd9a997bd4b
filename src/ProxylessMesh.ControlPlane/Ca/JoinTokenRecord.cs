using System.Text.Json.Serialization;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>What is kept of a token: never the secret, only its hash. The secret has 256 random bits, so a plain hash is enough.</summary>
internal sealed record JoinTokenRecord
{
    public required string Id { get; init; }

    /// <summary>SHA-256.</summary>
    public required byte[] SecretHash { get; init; }

    public required string Namespace { get; init; }

    public required string ServiceAccount { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>0: any number.</summary>
    public required int MaxUses { get; init; }

    public int Uses { get; init; }

    /// <summary>SHA-256 of the keys that were certified last: asking again with the same key, because the answer got lost, is no second use.</summary>
    public IReadOnlyList<byte[]> RecentKeys { get; init; } = [];

    /// <summary>Since when it brings nothing any more, and what came by it is not renewed.</summary>
    public DateTimeOffset? RevokedAt { get; init; }

    [JsonIgnore]
    public bool IsUsedUp => MaxUses > 0 && Uses >= MaxUses;

    public bool Covers(string namespaceName, string serviceAccount) => IsOrAny(Namespace, namespaceName) && IsOrAny(ServiceAccount, serviceAccount);

    public JoinTokenSummary Summarize() => new(Id, Namespace, ServiceAccount, CreatedAt, ExpiresAt, MaxUses, Uses) { RevokedAt = RevokedAt };

    private static bool IsOrAny(string bound, string asked) => bound == JoinTokens.Any || string.Equals(bound, asked, StringComparison.Ordinal);
}

/// <summary>The tokens' file.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(List<JoinTokenRecord>))]
internal sealed partial class JoinTokenJson : JsonSerializerContext;
