using ProxylessMesh.Client.Routing;
using ProxylessMesh.Client.Snapshots;

namespace ProxylessMesh.Client.Outbound;

/// <summary>
/// The innermost handler of a client: sends each call by the routes of its host. What is no name of the mesh goes to the client's own
/// primary handler, untouched.
/// </summary>
internal sealed class MeshHttpHandler : HttpMessageHandler
{
    private readonly SnapshotSource _snapshots;
    private readonly MeshOptions.OutboundOptions _options;
    private readonly CallServices _services;
    private readonly HttpMessageInvoker _passThrough;

    public MeshHttpHandler(SnapshotSource snapshots, CallServices services, MeshOptions.OutboundOptions options, HttpMessageHandler passThrough)
    {
        _snapshots = snapshots;
        _options = options;
        _passThrough = new HttpMessageInvoker(passThrough);
        _services = services with { Redirects = RedirectFollower.For(passThrough, SendAsync) };
    }

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (!HostKey.TryGet(request.RequestUri, out var key))
        {
            return _passThrough.SendAsync(request, cancellationToken);
        }

        // Read once: route, cluster and endpoint of a call come from one accepted config (gRFC A74).
        var host = _snapshots.Find(key);
        var state = host.State;
        return state.Kind == HostStateKind.Ready
            ? SendByRoute(host, state, request, cancellationToken)
            : SendUnreadyAsync(key, host, state, request, cancellationToken);
    }

    /// <summary>For <see cref="HttpClient.Send(HttpRequestMessage)"/>. HTTP/2 has no synchronous form, so a call through the mesh blocks its thread.</summary>
    protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (!HostKey.TryGet(request.RequestUri, out var key))
        {
            return _passThrough.Send(request, cancellationToken);
        }

        var host = _snapshots.Find(key);
        var state = host.State;
        if (state.Kind is HostStateKind.Waiting)
        {
            state = host.FirstAsync(_options.ConfigTimeout, _services.Time, cancellationToken).GetAwaiter().GetResult();
        }

        return state.Kind == HostStateKind.Unknown && _options.UnknownHosts == UnknownHostPolicy.PassThrough
            ? _passThrough.Send(request, cancellationToken)
            : SendUnreadyAsync(key, host, state, request, cancellationToken).GetAwaiter().GetResult();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _passThrough.Dispose();
        }

        base.Dispose(disposing);
    }

    private Task<HttpResponseMessage> SendUnreadyAsync(HostKey key, HostSlot host, HostState state, HttpRequestMessage request, CancellationToken cancellationToken)
        => state.Kind switch
        {
            HostStateKind.Ready => SendByRoute(host, state, request, cancellationToken),
            HostStateKind.Unknown when _options.UnknownHosts == UnknownHostPolicy.PassThrough => _passThrough.SendAsync(request, cancellationToken),
            HostStateKind.Unknown => Fail(request, MeshErrors.UnknownHost(host.Authority, state.Reason)),
            HostStateKind.Failed => Fail(request, MeshErrors.ConfigUnavailable(host.Authority, state.Reason)),
            _ => SendWhenKnownAsync(key, host, request, cancellationToken),
        };

    private async Task<HttpResponseMessage> SendWhenKnownAsync(HostKey key, HostSlot host, HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (host.State.Kind == HostStateKind.Dropped)
        {
            host = _snapshots.Find(key);
        }

        var state = await host.FirstAsync(_options.ConfigTimeout, _services.Time, cancellationToken).ConfigureAwait(false);
        return await SendUnreadyAsync(key, host, state, request, cancellationToken).ConfigureAwait(false);
    }

    private Task<HttpResponseMessage> SendByRoute(HostSlot host, HostState state, HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var uri = request.RequestUri!;
        var rule = state.Routes!.Match(new HttpRequestInput(request, uri, host.Authority));
        if (rule?.Clusters is null)
        {
            return AnswerWithoutCluster(host, rule, request, uri, cancellationToken);
        }

        var plan = rule.NeedsPlan ? CallPlan.Make(rule, request, uri, host.Authority) : null;
        var target = plan is null ? rule.Clusters.Pick() : plan.Target;
        if (target.Cluster is not { } cluster)
        {
            return Fail(request, MeshErrors.ClusterUnavailable(target.Name, target.Error));
        }

        if (cluster.Drops?.Draw() is { } category)
        {
            _services.Meter.DroppedByCategory(cluster.Name, category);
            return Fail(request, MeshErrors.DropOverload(cluster.Name, category));
        }

        if (!cluster.Members.BreakerOf(rule.IsHighPriority).TryEnter())
        {
            _services.Meter.Dropped(cluster.Name, "max_requests");
            return Fail(request, MeshErrors.CircuitBreakerOpen(cluster, rule.IsHighPriority));
        }

        var isGrpc = LocalAnswer.IsGrpc(request);
        var wire = new WireRequest(request, host, uri, isGrpc, _services.RetryBufferBytes, plan);
        var call = new OutboundCall(_services, rule, target, wire, cancellationToken);
        var answer = call.RunAsync();
        return isGrpc ? AnswerGrpcAsync(request, answer) : answer;
    }

    private Task<HttpResponseMessage> AnswerWithoutCluster(HostSlot host, RouteRule? rule, HttpRequestMessage request, Uri uri, CancellationToken cancellationToken)
    {
        if (rule?.Answer is not { } answer)
        {
            return Fail(request, rule is null ? MeshErrors.NoRoute(host.Authority, uri.AbsolutePath) : MeshErrors.UnsupportedRoute(host.Authority, rule));
        }

        var response = LocalAnswer.Of(answer, request, uri, host.Authority);
        answer.Headers?.Apply(response);
        if (_services.Meter.MeasuresCalls)
        {
            _services.Meter.CallFinished(TimeSpan.Zero, request.Method.Method, host.Authority, "", (int)response.StatusCode, null, null);
        }

        return _services.Redirects is { } redirects && RedirectFollower.IsRedirect(response)
            ? redirects.FollowAsync(request, response, cancellationToken)
            : Task.FromResult(response);
    }

    // gRPC clients know statuses, not exceptions.
    private static async Task<HttpResponseMessage> AnswerGrpcAsync(HttpRequestMessage request, Task<HttpResponseMessage> answer)
    {
        try
        {
            return await answer.ConfigureAwait(false);
        }
        catch (MeshException e)
        {
            return LocalAnswer.Grpc(request, LocalAnswer.GrpcStatusOf(e.Error), e.Message);
        }
    }

    private static Task<HttpResponseMessage> Fail(HttpRequestMessage request, MeshException error)
        => LocalAnswer.IsGrpc(request)
            ? Task.FromResult(LocalAnswer.Grpc(request, LocalAnswer.GrpcStatusOf(error.Error), error.Message))
            : Task.FromException<HttpResponseMessage>(error);
}
