using System.Diagnostics;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Client.Routing;
using ProxylessMesh.Client.Telemetry;

namespace ProxylessMesh.Client.Outbound;

/// <summary>
/// Sends copies of calls to mirrors (Envoy <c>request_mirror_policies</c>): nobody waits for them, nothing that happens to them reaches
/// the call, and what they answer is read and thrown away.
/// </summary>
/// <remarks>
/// A body is copied while the call sends it, up to the bound of retries; a call whose body is larger is not mirrored. A limited number
/// of copies is under way at once. Both kinds of loss are counted.
/// </remarks>
internal sealed class MirrorSender(TimeProvider time, MeshMeter meter)
{
    internal const int MaxActive = 256;
    internal const int MaxAnswerBytes = 1024 * 1024;

    // Envoy's timeout of a route that says nothing.
    private static readonly TimeSpan DefaultLimit = TimeSpan.FromSeconds(15);

    private int _active;

    /// <summary>Copies under way.</summary>
    public int Active => Volatile.Read(ref _active);

    /// <summary>Copies a call once its body is there: at once, or when the call has sent it. Never throws.</summary>
    /// <param name="wire">The call, with the changes of its route and before its first attempt.</param>
    /// <param name="mirror">Where to.</param>
    /// <param name="limit">The route's timeout.</param>
    /// <param name="maxBytes">The largest body that is copied.</param>
    public void Start(WireRequest wire, RouteMirror mirror, TimeSpan? limit, int maxBytes)
    {
        if (mirror.Cluster is not { } cluster)
        {
            meter.MirrorSkipped(mirror.Name, "no_cluster");
            return;
        }

        var copy = new RequestCopy(wire.Request);
        var call = new MirroredCall(wire.Host, cluster, wire.IsGrpc, limit ?? DefaultLimit);
        Unsample(wire.Request, call);
        if (wire.Request.Content is RecordingContent recording)
        {
            recording.Sent += () => Send(copy, call);
        }
        else if (wire.Request.Content is { } content)
        {
            _ = SendCopiedAsync(copy, content, call, maxBytes);
        }
        else
        {
            Send(copy, call);
        }
    }

    // Content in memory belongs to the caller, who may dispose it as soon as the call is over: its bytes are copied before the call goes on.
    private async Task SendCopiedAsync(RequestCopy copy, HttpContent content, MirroredCall call, int maxBytes)
    {
        var body = new RecordingStream(Stream.Null, maxBytes);
        try
        {
            await content.CopyToAsync(body).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The call itself will meet the same error, and tell it.
            meter.MirrorSkipped(call.Cluster.Name, "body_failed");
            return;
        }

        body.Ended();
        Send(copy, call, body);
    }

    private void Send(RequestCopy copy, MirroredCall call, RecordingStream? body = null)
    {
        if ((body is null ? copy.TryMake() : copy.TryMake(body)) is not { } request)
        {
            meter.MirrorSkipped(call.Cluster.Name, "body_too_large");
            return;
        }

        if (Interlocked.Increment(ref _active) > MaxActive)
        {
            Interlocked.Decrement(ref _active);
            meter.MirrorSkipped(call.Cluster.Name, "too_many");
            return;
        }

        // The context of the call (trace, deadline) must not leak into the copy.
        ThreadPool.UnsafeQueueUserWorkItem(static state => _ = state.Self.SendAsync(state.request, state.call), (Self: this, request, call), preferLocal: false);
    }

    private async Task SendAsync(HttpRequestMessage request, MirroredCall call)
    {
        var outcome = "dropped";
        var cluster = call.Cluster;
        try
        {
            if (cluster.Members.Breaker.TryEnter())
            {
                try
                {
                    outcome = await ExchangeAsync(request, call).ConfigureAwait(false);
                }
                finally
                {
                    cluster.Members.Breaker.Exit();
                }
            }
        }
        finally
        {
            request.Dispose();
            meter.Mirrored(cluster.Name, outcome);
            Interlocked.Decrement(ref _active);
        }
    }

    private async Task<string> ExchangeAsync(HttpRequestMessage request, MirroredCall call)
    {
        var cluster = call.Cluster;
        if (cluster.Pick(default(PickInput)) is not { } endpoint || !endpoint.TryStart())
        {
            return "no_endpoint";
        }

        using var limit = new CancellationTokenSource(call.Limit, time);
        try
        {
            Rewrite(request, call);
            var wire = new WireRequest(request, call.Host, request.RequestUri!, call.IsGrpc, retryBufferBytes: 0);
            wire.AddressTo(cluster, endpoint);
            wire.LimitTo(call.Limit);
            using var response = await endpoint.Transport.SendAsync(request, limit.Token).ConfigureAwait(false);
            var outcome = AttemptOutcome.Of(response, call.IsGrpc, endpoint.IsRemoved);
            OutcomeRecord.Answer(endpoint, outcome, call.IsGrpc);
            await DiscardAsync(response, limit.Token).ConfigureAwait(false);
            return "answered";
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            var outcome = limit.IsCancellationRequested ? new Resilience.CallOutcome(Resilience.OutcomeKind.DeadlineExceeded) : AttemptOutcome.Of(e, call.IsGrpc);
            OutcomeRecord.Failure(endpoint, outcome, timeWasCallers: false);
            return outcome.Word;
        }
        finally
        {
            endpoint.Finish();
        }
    }

    // Logs of a mirror shall tell copies from calls (Envoy).
    private static void Rewrite(HttpRequestMessage request, MirroredCall call)
    {
        var host = request.Headers.Host ?? call.Host.Authority;
        var colon = host.EndsWith(']') ? -1 : host.LastIndexOf(':');
        request.Headers.Host = colon < 0 ? host + "-shadow" : string.Concat(host.AsSpan(0, colon), "-shadow", host.AsSpan(colon));
        request.Headers.ExpectContinue = null;
        request.Headers.Remove("tracestate");
        request.Headers.Remove("traceparent");
        if (call.TraceParent is not null)
        {
            request.Headers.TryAddWithoutValidation("traceparent", call.TraceParent);
        }
    }

    private static async Task DiscardAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var body = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        var buffer = new byte[16 * 1024];
        for (var total = 0; total < MaxAnswerBytes;)
        {
            var read = await body.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
            if (read == 0)
            {
                return;
            }

            total += read;
        }
    }

    // A copy belongs to the trace of its call but is no part of it: the flag says that nobody shall record it.
    private static void Unsample(HttpRequestMessage request, MirroredCall call)
    {
        if (request.Headers.NonValidated.TryGetValues("traceparent", out var own) && own.ToString() is { Length: >= 55 } parent)
        {
            call.TraceParent = string.Concat(parent.AsSpan(0, 53), "00");
        }
        else if (Activity.Current is { IdFormat: ActivityIdFormat.W3C } running)
        {
            call.TraceParent = $"00-{running.TraceId}-{running.SpanId}-00";
        }
    }

    /// <summary>What is known of a copy before its body is there.</summary>
    private sealed class MirroredCall(Snapshots.HostSlot host, Cluster cluster, bool isGrpc, TimeSpan limit)
    {
        public Snapshots.HostSlot Host { get; } = host;

        public Cluster Cluster { get; } = cluster;

        public bool IsGrpc { get; } = isGrpc;

        public TimeSpan Limit { get; } = limit;

        public string? TraceParent { get; set; }
    }
}
