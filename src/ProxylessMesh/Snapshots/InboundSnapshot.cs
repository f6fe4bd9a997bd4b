using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Snapshots;

/// <summary>What one port asks of its callers: the root of what is compiled from an inbound listener. Immutable.</summary>
internal sealed class InboundSnapshot
{
    /// <summary>
    /// Before any policy has come: mesh TLS only, and every call is told to come back later. A process that does not know its policy
    /// refuses rather than serving unprotected.
    /// </summary>
    public static readonly InboundSnapshot Waiting = new() { Tls = new InboundChain([], []) };

    /// <summary>For connections with mesh TLS; null: DISABLE, nobody here speaks TLS.</summary>
    public InboundChain? Tls { get; init; }

    /// <summary>For plaintext connections; null: STRICT, they are refused.</summary>
    public InboundChain? Plaintext { get; init; }

    /// <summary>TLS 1.2 is refused.</summary>
    public bool RequiresTls13 { get; init; }

    /// <summary>How many may be connected; null: any number.</summary>
    public ConnectionLimitFilterConfig? Connections { get; init; }

    /// <summary>What it was compiled from; null while waiting.</summary>
    public InboundConfig? Config { get; init; }

    /// <summary>Counts what the port has had in force, from 1.</summary>
    public int Revision { get; init; }

    public bool HasPolicy => !ReferenceEquals(this, Waiting);

    /// <summary>In the words of PeerAuthentication.</summary>
    public string Mode => (Tls, Plaintext) switch
    {
        (not null, null) => "STRICT",
        (not null, not null) => "PERMISSIVE",
        (null, not null) => "DISABLE",
        _ => "none",
    };
}
