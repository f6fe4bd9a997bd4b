using System.Text.Json;
using System.Text.Json.Serialization;

namespace Shop.Processes;

/// <summary>What a child tells the show: one JSON line on its standard output, after <see cref="Prefix"/>.</summary>
[JsonDerivedType(typeof(Listening), "listening")]
[JsonDerivedType(typeof(IdentityIssued), "identity")]
[JsonDerivedType(typeof(OrderReserved), "reserved")]
[JsonDerivedType(typeof(DownstreamFailed), "downstream-failed")]
[JsonDerivedType(typeof(IntruderAnswered), "intruder-answered")]
internal abstract record ChildMessage
{
    private const string Prefix = "@shop ";

    public string ToLine() => Prefix + JsonSerializer.Serialize(this);

    public static ChildMessage? TryParse(string line)
        => line.StartsWith(Prefix, StringComparison.Ordinal) ? JsonSerializer.Deserialize<ChildMessage>(line.AsSpan(Prefix.Length)) : null;
}

/// <summary>The child serves on this address.</summary>
internal sealed record Listening(Uri Address) : ChildMessage;

/// <summary>The child has a certificate: its first, or the next after a rotation.</summary>
internal sealed record IdentityIssued(string SpiffeId, string Serial, DateTimeOffset ExpiresAt) : ChildMessage;

/// <summary>The catalog has reserved an order. The show looks for orders that were reserved twice.</summary>
internal sealed record OrderReserved(string Order) : ChildMessage;

/// <summary>A call that the storefront made has failed, after everything the mesh did for it.</summary>
internal sealed record DownstreamFailed(string Target, string Reason) : ChildMessage;

/// <summary>What the intruder got for one of its calls.</summary>
internal sealed record IntruderAnswered(string Target, int Status, string Detail) : ChildMessage;
