using System.Diagnostics;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Client.Resilience;

namespace ProxylessMesh.Client.Outbound;

/// <summary>One attempt of a call, counted at its endpoint from its start to the end of its answer's body, or to its failure.</summary>
/// <param name="call">The call that it is made for.</param>
/// <param name="endpoint">Where it goes. Its count was taken by <see cref="ClusterEndpoint.TryStart"/>.</param>
internal sealed class Attempt(OutboundCall call, ClusterEndpoint endpoint)
{
    private bool _ended;

    public ClusterEndpoint Endpoint => endpoint;

    /// <param name="wire">The request as it goes on the wire.</param>
    /// <param name="cancellationToken">The end of the attempt's time, or of the call's.</param>
    /// <param name="activity">The attempt's own span; null: the call's.</param>
    public Task<HttpResponseMessage> SendAsync(WireRequest wire, CancellationToken cancellationToken, Activity? activity = null)
    {
        call.Address(wire, endpoint, activity);
        return endpoint.Owner.LatencyDecay is { } decay
            ? SendMeasuredAsync(wire, decay, cancellationToken)
            : endpoint.Transport.SendAsync(wire.Request, cancellationToken);
    }

    public AttemptResult Answered(HttpResponseMessage response)
    {
        var outcome = AttemptOutcome.Of(response, call.IsGrpc, endpoint.IsRemoved);
        endpoint.Owner.ReadReport(endpoint, response.Headers);
        OutcomeRecord.Answer(endpoint, outcome, call.IsGrpc);
        if (endpoint.Owner.Checks is { IsOn: true } checks && response.Headers.NonValidated.Contains("x-envoy-immediate-health-check-fail"))
        {
            checks.Fail(endpoint);
        }

        return new AttemptResult(outcome, response, null);
    }

    /// <summary>Ends the attempt and its call: its answer is read, broken or given up. Only the first end counts.</summary>
    /// <param name="end">How the body ended.</param>
    /// <param name="grpc">The answer to a gRPC call, for its trailers.</param>
    public void BodyEnded(BodyEnd end, HttpResponseMessage? grpc = null)
    {
        if (Interlocked.Exchange(ref _ended, true))
        {
            return;
        }

        OutcomeRecord.Body(endpoint, end, grpc);
        endpoint.Finish();
        call.End();
    }

    /// <summary>Ends the attempt alone: the call goes on with another, or fails.</summary>
    public void Release()
    {
        if (!Interlocked.Exchange(ref _ended, true))
        {
            endpoint.Finish();
        }
    }

    // Until the answer's headers. What failed says nothing of how long an answer takes.
    private async Task<HttpResponseMessage> SendMeasuredAsync(WireRequest wire, TimeSpan decay, CancellationToken cancellationToken)
    {
        var time = endpoint.Owner.Time;
        var started = time.GetTimestamp();
        var response = await endpoint.Transport.SendAsync(wire.Request, cancellationToken).ConfigureAwait(false);
        endpoint.Latency.Observe(time, time.GetElapsedTime(started), decay);
        return response;
    }
}
