using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Client.Resilience;
using ProxylessMesh.Client.Routing;

namespace ProxylessMesh.Client.Outbound;

/// <summary>The words of the mesh's errors: what happened to which named thing, why, what to do.</summary>
internal static class MeshErrors
{
    public static MeshException UnknownHost(string host, string reason) => new(
        MeshError.UnknownHost,
        $"Host '{host}' is not a name of the mesh ({reason}), and Mesh:Outbound:UnknownHosts is Refuse. Correct the name, or set it to PassThrough.");

    public static MeshException ConfigUnavailable(string host, string reason) => new(
        MeshError.ConfigUnavailable,
        $"Nothing is known of host '{host}': {reason}. The call is not sent, as '{host}' may be a name of the mesh. Check that the control plane at Mesh:ControlPlane runs; set Mesh:State:Folder to start without it next time.");

    public static MeshException NoRoute(string host, string path) => new(
        MeshError.NoRoute,
        $"No route of host '{host}' matches path '{path}'. Run 'mesh explain {host}{path}' to see its routes.");

    public static MeshException UnsupportedRoute(string host, RouteRule rule) => new(
        MeshError.NoRoute,
        $"Route '{rule.Name}' of host '{host}' cannot be carried out: {rule.Error}.");

    public static MeshException ClusterUnavailable(string cluster, string? error) => new(
        MeshError.ClusterUnavailable,
        $"Cluster '{cluster}' cannot be used: {error}. Run 'mesh status' to see what this process has received.")
    {
        Cluster = cluster,
    };

    public static MeshException NoHealthyEndpoint(string cluster) => new(
        MeshError.NoHealthyEndpoint,
        $"Cluster '{cluster}' has no healthy endpoint. Run 'mesh status' to see which workloads have joined.",
        httpError: HttpRequestError.ConnectionError)
    {
        Cluster = cluster,
    };

    public static MeshException SessionLost(string cluster, string? address) => new(
        MeshError.NoHealthyEndpoint,
        $"The session of this call lives at endpoint {address} of cluster '{cluster}', which does not take calls, and its route says strict: sessions do not move. Begin a new session without its cookie or header.",
        httpError: HttpRequestError.ConnectionError)
    {
        Cluster = cluster,
    };

    public static MeshException CircuitBreakerOpen(Cluster cluster, bool isHighPriority) => Refused(
        cluster,
        $"has {(isHighPriority ? cluster.Config.HighPriorityCircuitBreaker : cluster.Config.CircuitBreaker).MaxRequests} calls in flight{(isHighPriority ? " at high priority" : "")}, as many as its circuit breaker allows (maxRequests)");

    public static MeshException TooManyPending(Cluster cluster, CircuitBreaker breaker) => Refused(
        cluster,
        $"has {breaker.PendingLimit} calls that wait for a connection, as many as its circuit breaker allows (maxPendingRequests)");

    public static MeshException DropOverload(string cluster, string category) => new(
        MeshError.DropOverload,
        $"A call to cluster '{cluster}' was dropped: its control plane asks clients to drop a share of calls ('{category}'). Try again later.")
    {
        Cluster = cluster,
    };

    private static MeshException Refused(Cluster cluster, string reason) => new(
        MeshError.CircuitBreakerOpen,
        $"Cluster '{cluster.Name}' {reason}. Slow down or raise the limit.")
    {
        Cluster = cluster.Name,
    };

    public static MeshException DeadlineExceeded(string cluster, CallDeadline? deadline, int attempts, Exception? inner) => new(
        MeshError.DeadlineExceeded,
        deadline is { IsCallers: true }
            ? $"The call to cluster '{cluster}' ended after {attempts} attempt(s): the deadline of the call being served has passed."
            : $"The call to cluster '{cluster}' took longer than its route allows ({deadline?.Limit}), {attempts} attempt(s). Raise the route's timeout if that is too little.",
        inner)
    {
        Cluster = cluster,
    };

    /// <summary>What a call without an answer throws.</summary>
    public static Exception Of(in AttemptResult result, Cluster cluster, ClusterEndpoint? last, CallDeadline? deadline, TimeSpan? attemptTimeout, int attempts, CancellationToken caller)
    {
        var error = result.Error ?? new IOException("no answer came");
        return result.Outcome.Kind switch
        {
            OutcomeKind.Cancelled when deadline is not { Passed: true } => new OperationCanceledException(error.Message, error, caller),
            OutcomeKind.Cancelled or OutcomeKind.DeadlineExceeded => DeadlineExceeded(cluster.Name, deadline, attempts, error),
            OutcomeKind.AttemptTimedOut => AttemptTimedOut(cluster.Name, attemptTimeout, attempts, error),
            _ => Failed(cluster.Name, last, result.Outcome, attempts, error),
        };
    }

    public static MeshException Idle(string cluster, TimeSpan limit, Exception? inner) => new(
        MeshError.DeadlineExceeded,
        $"Nothing was sent or received on the call to cluster '{cluster}' for {limit}, the route's idle timeout. Raise it for streams that are silent for longer.",
        inner)
    {
        Cluster = cluster,
    };

    public static MeshException AttemptTimedOut(string cluster, TimeSpan? limit, int attempts, Exception? inner) => new(
        MeshError.DeadlineExceeded,
        $"The last of {attempts} attempt(s) to call cluster '{cluster}' took longer than the route's per-try timeout ({limit}).",
        inner)
    {
        Cluster = cluster,
    };

    public static MeshException Failed(string cluster, ClusterEndpoint? endpoint, in CallOutcome outcome, int attempts, Exception error)
    {
        for (var inner = error; inner is not null; inner = inner.InnerException)
        {
            if (inner is EndpointConnectException connect)
            {
                var httpError = connect.Error == MeshError.PeerRefused ? HttpRequestError.SecureConnectionError : HttpRequestError.ConnectionError;
                return new MeshException(connect.Error, $"{connect.Message} ({attempts} attempt(s))", error, httpError) { Cluster = cluster };
            }
        }

        var known = error is HttpRequestException http ? http.HttpRequestError : HttpRequestError.Unknown;
        return new MeshException(
            outcome.Kind == OutcomeKind.ConnectFailed ? MeshError.ConnectionFailed : MeshError.ExchangeFailed,
            $"The exchange with endpoint {endpoint?.Name ?? "?"} of cluster '{cluster}' failed ({outcome.Word}, {attempts} attempt(s)): {error.Message}",
            error,
            known)
        {
            Cluster = cluster,
        };
    }
}
