namespace ProxylessMesh.TestSupport;

/// <summary>What a <see cref="FaultyServer"/> does to the first request that reaches it.</summary>
internal enum TransportFault
{
    /// <summary>Nothing: it answers.</summary>
    None,

    /// <summary>The connection is reset before any of the answer.</summary>
    ResetBeforeHeaders,

    /// <summary>The answer's headers come, then a reset: of the stream, with HTTP/1.1 of the connection.</summary>
    ResetAfterHeaders,

    /// <summary>GOAWAY with a last stream below this one: not processed (RFC 9113 §6.8).</summary>
    GoAway,

    /// <summary>The same while the client still sends the body.</summary>
    GoAwayInBody,

    /// <summary>RST_STREAM with REFUSED_STREAM: not processed (RFC 9113 §8.7).</summary>
    RefusedStream,

    /// <summary>No answer ever.</summary>
    Silence,

    /// <summary>Headers and half of the body, then the end of the connection.</summary>
    HalfBody,
}
