using System.Text.Json.Serialization;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>A certificate that was issued to a workload and has not expired: one line of <c>leaves.jsonl</c>.</summary>
internal sealed record LeafRecord
{
    public required string Serial { get; init; }

    /// <summary>The SPIFFE ID.</summary>
    public required string Id { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    /// <summary>SHA-256 of the certificate that signed it.</summary>
    public required string Authority { get; init; }

    /// <summary>SHA-256 of the newest root in the bundle that went with it.</summary>
    public required string NewestRoot { get; init; }

    /// <summary>The join token that the first of this chain of renewals was issued by; empty for other proofs.</summary>
    public string Token { get; init; } = "";

    /// <summary>The serial number of the certificate that this one renews; empty for the first.</summary>
    public string Renews { get; init; } = "";

    /// <summary>The process that held it ended in order.</summary>
    public bool HasLeft { get; init; }
}

/// <summary>The ledger's lines.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(LeafRecord))]
internal sealed partial class LeafJson : JsonSerializerContext;
