using System.Text.Json.Serialization;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>One line of the CA's audit log. No secrets.</summary>
/// <param name="At">When.</param>
/// <param name="Event">What happened: <c>issued</c>, <c>refused</c>, <c>token-created</c>, <c>token-revoked</c>, <c>identity-revoked</c>, <c>identity-restored</c>, <c>root-added</c>, <c>root-switched</c>, <c>root-removed</c>.</param>
internal sealed record AuditEvent(DateTimeOffset At, string Event)
{
    /// <summary>The SPIFFE ID that it is about.</summary>
    public string? Id { get; init; }

    /// <summary>By which proof: <c>join-token</c>, <c>certificate</c>, or what a door calls its own.</summary>
    public string? By { get; init; }

    /// <summary>The join token's id.</summary>
    public string? Token { get; init; }

    /// <summary>The caller's address.</summary>
    public string? Address { get; init; }

    public string? Serial { get; init; }

    /// <summary>The serial number of the certificate that was shown.</summary>
    public string? Renews { get; init; }

    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>SHA-256 of the certificate that signed, or of the root that came or went.</summary>
    public string? Authority { get; init; }

    public string? Reason { get; init; }

    /// <summary>How many of these there were in a burst of which few are written.</summary>
    public int? Count { get; init; }
}

/// <summary>The log's lines.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AuditEvent))]
internal sealed partial class AuditJson : JsonSerializerContext;
