using System.Collections.Immutable;

namespace ProxylessMesh.Xds.Client;

/// <summary>How the connection to the management server stands, for health checks and <c>mesh status</c>. A new one for each change.</summary>
internal sealed record XdsClientState
{
    public static readonly XdsClientState Idle = new();

    /// <summary>The stream is up. False too before the first subscription, as nothing is asked until then.</summary>
    public bool Connected { get; init; }

    /// <summary>When <see cref="Connected"/> took its value.</summary>
    public DateTimeOffset Since { get; init; }

    /// <summary>Why the last attempt or stream ended; stays after a reconnect, with its time.</summary>
    public string? LastError { get; init; }

    public DateTimeOffset? LastErrorAt { get; init; }

    /// <summary>A response came at some time in the life of this client.</summary>
    public bool EverAnswered { get; init; }

    /// <summary>The form of ADS that is spoken now.</summary>
    public AdsForm Form { get; init; }

    /// <summary>By type URL.</summary>
    public ImmutableSortedDictionary<string, XdsTypeState> Types { get; init; } = ImmutableSortedDictionary.Create<string, XdsTypeState>(StringComparer.Ordinal);
}

/// <summary>What is known of one resource type.</summary>
internal sealed record XdsTypeState
{
    /// <summary>The version of the last response that was taken whole.</summary>
    public string Version { get; init; } = "";

    public int Subscribed { get; init; }

    public int Present { get; init; }

    public int Missing { get; init; }

    /// <summary>The words of the last NACK; null after the next response that was taken whole.</summary>
    public string? LastNack { get; init; }
}
