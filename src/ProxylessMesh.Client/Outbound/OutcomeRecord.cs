using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Client.Resilience;

namespace ProxylessMesh.Client.Outbound;

/// <summary>Tells the cluster of an endpoint what a call says about its endpoint: for outlier detection, and for the back-off after a failed connect.</summary>
internal static class OutcomeRecord
{
    /// <summary>Headers came. A gRPC call has said nothing yet unless they are its trailers.</summary>
    public static void Answer(ClusterEndpoint endpoint, in CallOutcome outcome, bool isGrpc)
    {
        endpoint.Connected();
        if (!isGrpc)
        {
            endpoint.Owner.Outliers.Record(endpoint, EndpointResult.Answer(outcome.HttpStatus));
        }
        else if (outcome.GrpcStatus is { } status)
        {
            endpoint.Owner.Outliers.Record(endpoint, EndpointResult.Answer(AttemptOutcome.HttpStatusOf(status)));
        }
    }

    /// <summary>No answer came. A timeout speaks against the endpoint, unless the time was what an impatient caller had left.</summary>
    public static void Failure(ClusterEndpoint endpoint, in CallOutcome outcome, bool timeWasCallers)
    {
        if (outcome.Kind is OutcomeKind.ConnectFailed or OutcomeKind.PeerRefused)
        {
            endpoint.Owner.BackOff(endpoint);
        }

        if (outcome.Kind is OutcomeKind.ConnectFailed or OutcomeKind.PeerRefused or OutcomeKind.RefusedStream or OutcomeKind.Reset or OutcomeKind.AttemptTimedOut
            || (outcome.Kind == OutcomeKind.DeadlineExceeded && !timeWasCallers))
        {
            endpoint.Owner.Outliers.Record(endpoint, EndpointResult.LocalFailure);
        }
    }

    /// <summary>The body of an answer ended; <paramref name="grpc"/> is that of a gRPC call, whose trailers tell how it went.</summary>
    public static void Body(ClusterEndpoint endpoint, BodyEnd end, HttpResponseMessage? grpc)
    {
        if (end == BodyEnd.Complete && grpc is not null)
        {
            endpoint.Owner.ReadReport(endpoint, grpc.TrailingHeaders);
        }

        if (end == BodyEnd.Broken)
        {
            endpoint.Owner.Outliers.Record(endpoint, EndpointResult.LocalFailure);
        }
        else if (end == BodyEnd.Complete && grpc is not null && AttemptOutcome.GrpcStatusOf(grpc.TrailingHeaders) is { } status)
        {
            endpoint.Owner.Outliers.Record(endpoint, EndpointResult.Answer(AttemptOutcome.HttpStatusOf(status)));
        }
    }
}
