namespace ProxylessMesh.Client.Resilience;

/// <summary>How an attempt ended. The one place that says what counts as a failure is <c>Outbound/AttemptOutcome</c>.</summary>
/// <param name="Kind">The kind of end.</param>
/// <param name="HttpStatus">With <see cref="OutcomeKind.Answered"/>; otherwise 0.</param>
/// <param name="GrpcStatus">The status of a gRPC call that ended with its headers, or without any.</param>
/// <param name="IsDraining">The server answered 503 because it is about to stop.</param>
internal readonly record struct CallOutcome(OutcomeKind Kind, int HttpStatus = 0, int? GrpcStatus = null, bool IsDraining = false)
{
    /// <summary>The server did not begin to carry the call out: it can be sent again whatever it does.</summary>
    public bool WasNotProcessed => Kind is OutcomeKind.ConnectFailed or OutcomeKind.PeerRefused or OutcomeKind.RefusedStream;

    /// <summary>A word for metrics and logs, with few different values.</summary>
    public string Word => Kind switch
    {
        OutcomeKind.Answered when GrpcStatus is not null => "grpc_status",
        OutcomeKind.Answered => "http_status",
        OutcomeKind.ConnectFailed => "connect_failure",
        OutcomeKind.PeerRefused => "peer_refused",
        OutcomeKind.NoIdentity => "no_identity",
        OutcomeKind.RefusedStream => "refused_stream",
        OutcomeKind.AttemptTimedOut => "per_try_timeout",
        OutcomeKind.DeadlineExceeded => "timeout",
        OutcomeKind.Cancelled => "cancelled",
        _ => "reset",
    };
}

/// <summary>Kinds of ends of an attempt.</summary>
internal enum OutcomeKind
{
    /// <summary>Headers came.</summary>
    Answered,

    /// <summary>No connection: the call was not sent.</summary>
    ConnectFailed,

    /// <summary>The peer could not prove an identity that is expected: the call was not sent.</summary>
    PeerRefused,

    /// <summary>This process has no certificate to connect with: no other endpoint would help.</summary>
    NoIdentity,

    /// <summary>REFUSED_STREAM, or a GOAWAY that excludes the stream: the server did not process it.</summary>
    RefusedStream,

    /// <summary>The connection or stream broke; the server may have processed the call.</summary>
    Reset,

    /// <summary>The per-try timeout passed.</summary>
    AttemptTimedOut,

    /// <summary>The time of the whole call is over.</summary>
    DeadlineExceeded,

    /// <summary>The caller gave up.</summary>
    Cancelled,
}

/// <summary>An ended attempt: its outcome, and the answer or the error behind it.</summary>
internal readonly record struct AttemptResult(CallOutcome Outcome, HttpResponseMessage? Response, Exception? Error);
