using System.Diagnostics;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Client.Resilience;
using ProxylessMesh.Client.Routing;
using ProxylessMesh.Client.Snapshots;
using ProxylessMesh.Client.Telemetry;

namespace ProxylessMesh.Client.Outbound;

/// <summary>
/// One call from its route to the end of its answer's body: deadline, attempts, and the counts that must return to where they were.
/// </summary>
/// <remarks>
/// Two things are counted while a call lives: the call at its cluster (breaker, budget) and its attempt at an endpoint. Both end exactly
/// once: when no answer came, here; otherwise when the body ends, by <see cref="BodyEnded"/>, which any thread may call any number of times.
/// </remarks>
internal sealed class OutboundCall(CallServices services, HostSlot host, RouteRule rule, RouteTarget target, HttpRequestMessage request, WireRequest wire, CancellationToken caller) : IRetriedCall
{
    private readonly Cluster _cluster = target.Cluster!;
    private CallDeadline? _deadline;
    private Activity? _activity;
    private List<ClusterEndpoint>? _tried;
    private ClusterEndpoint? _endpoint;
    private HttpResponseMessage? _response;
    private int _attempts;
    private int _retriesTaken;
    private int _ended;
    private bool _isTraced;

    public CancellationToken DeadlineToken => _deadline?.Token ?? default;

    public bool DeadlinePassed => _deadline is { Passed: true };

    private CancellationToken Token => _deadline?.Token ?? caller;

    public MeshException DeadlineError(Exception? inner) => MeshErrors.DeadlineExceeded(_cluster.Name, _deadline, _attempts, inner);

    /// <summary>Sends the call. The cluster's breaker has let it in.</summary>
    public async Task<HttpResponseMessage> RunAsync()
    {
        // In here, so that the span is current for this call alone.
        var activity = CallActivity.StartCall(request, host.Authority, rule.Name);
        _activity = activity;
        _isTraced = !request.Headers.NonValidated.Contains("traceparent");
        var started = services.Meter.MeasuresCalls ? services.Time.GetTimestamp() : 0;
        var outcome = default(CallOutcome);
        var error = default(string);
        try
        {
            _deadline = CallDeadline.Start(wire.IsGrpc ? rule.GrpcTimeout : rule.HttpTimeout, services.Time, caller);
            if (target.Fault is { } fault && await InjectAsync(fault).ConfigureAwait(false) is { } aborted)
            {
                outcome = new CallOutcome(OutcomeKind.Answered, (int)aborted.StatusCode);
                error = "fault";
                EndCall();
                return aborted;
            }

            target.Headers?.Apply(request, wire.Headers);
            _cluster.Members.RetryBudget.Deposit();
            var result = await AttemptAsync(1).ConfigureAwait(false);
            if (Retry(result))
            {
                result = await rule.Retry.ContinueAsync(this, result, Token).ConfigureAwait(false);
            }

            outcome = result.Outcome;
            error = outcome.Kind == OutcomeKind.Answered ? null : outcome.Word;
            return Finish(result);
        }
        catch (Exception e)
        {
            error ??= e is MeshException mesh ? mesh.Error.ToString() : e.GetType().Name;
            ReleaseEndpoint();
            EndCall();
            throw;
        }
        finally
        {
            wire.Restore();
            if (started != 0)
            {
                services.Meter.CallFinished(services.Time.GetElapsedTime(started), request.Method.Method, host.Authority, _cluster.Name, outcome.HttpStatus, outcome.GrpcStatus, error);
            }

            CallActivity.EndCall(activity, _cluster.Name, (_endpoint ?? _tried?[^1])?.Name ?? "", _attempts, outcome.HttpStatus, error);
        }
    }

    public async ValueTask<AttemptResult> AttemptAsync(int number)
    {
        _attempts = number;
        var endpoint = StartEndpoint();
        _endpoint = endpoint;
        var activity = number == 1 ? null : CallActivity.StartAttempt(_activity, number);
        using var limit = rule.Retry.PerTryTimeout is { } perTry ? new AttemptLimit(perTry, services.Time, Token) : null;
        wire.AddressTo(_cluster, endpoint);
        wire.LimitTo(_deadline?.Remaining);
        wire.StampAttempt(number);
        if (_isTraced && (activity ?? _activity ?? Activity.Current) is { } running)
        {
            CallActivity.Inject(request, running, wire.Headers.Set);
        }

        try
        {
            var response = await endpoint.Transport.SendAsync(request, limit?.Token ?? Token).ConfigureAwait(false);
            var outcome = AttemptOutcome.Of(response, wire.IsGrpc, endpoint.IsRemoved);
            OutcomeRecord.Answer(_cluster, endpoint, outcome, wire.IsGrpc);
            CallActivity.EndAttempt(activity, endpoint.Name, outcome.HttpStatus, null);
            return new AttemptResult(outcome, response, null);
        }
        catch (Exception e)
        {
            var outcome = Classify(e, limit);
            (_tried ??= []).Add(endpoint);
            OutcomeRecord.Failure(_cluster, endpoint, outcome, _deadline is { IsCallers: true });
            ReleaseEndpoint();
            CallActivity.EndAttempt(activity, endpoint.Name, 0, outcome.Word);
            return new AttemptResult(outcome, null, e);
        }
    }

    public bool TakeRetry(in AttemptResult last, int attempt)
    {
        if (!Retry(last) || (_deadline is { } deadline && deadline.Remaining <= TimeSpan.Zero))
        {
            return false;
        }

        if (!_cluster.Members.RetryBudget.TryTake(_cluster.Members.Breaker.Active))
        {
            services.Meter.RetryRefused(_cluster.Name);
            return false;
        }

        _retriesTaken++;
        services.Meter.Retried(_cluster.Name, last.Outcome.Word);
        return true;
    }

    public void Abandon(in AttemptResult last)
    {
        last.Response?.Dispose();
        ReleaseEndpoint();
    }

    /// <summary>Ends the counts of a call that was answered. Only the first end counts.</summary>
    public void BodyEnded(BodyEnd end)
    {
        if (Volatile.Read(ref _ended) != 0 || Volatile.Read(ref _endpoint) is not { } endpoint)
        {
            return;
        }

        if (Interlocked.Exchange(ref _ended, 1) != 0)
        {
            return;
        }

        OutcomeRecord.Body(_cluster, endpoint, end, wire.IsGrpc ? _response : null);
        endpoint.Finish();
        Release();
    }

    private async ValueTask<HttpResponseMessage?> InjectAsync(Xds.Resources.FaultConfig fault)
    {
        try
        {
            var (httpStatus, grpcStatus) = await services.Faults.InjectAsync(fault, Token).ConfigureAwait(false);
            return (httpStatus ?? grpcStatus) is null ? null : LocalAnswer.Abort(request, wire.IsGrpc, httpStatus, grpcStatus);
        }
        catch (OperationCanceledException e) when (DeadlinePassed)
        {
            throw DeadlineError(e);
        }
        catch (OperationCanceledException e)
        {
            throw new OperationCanceledException(e.Message, e, caller);
        }
    }

    // A removed endpoint may close between the pick and the start: the routes in force now have another.
    private ClusterEndpoint StartEndpoint()
    {
        var cluster = _cluster;
        for (var i = 0; i < 5; i++)
        {
            var endpoint = cluster.Pick(new PickInput { Tried = _tried });
            if (endpoint is null)
            {
                break;
            }

            if (endpoint.TryStart())
            {
                return endpoint;
            }

            cluster = host.State.Routes?.Find(_cluster.Name) ?? cluster;
        }

        throw MeshErrors.NoHealthyEndpoint(_cluster.Name);
    }

    private CallOutcome Classify(Exception error, AttemptLimit? limit)
    {
        if (caller.IsCancellationRequested)
        {
            return new CallOutcome(OutcomeKind.Cancelled);
        }

        if (DeadlinePassed)
        {
            return new CallOutcome(OutcomeKind.DeadlineExceeded);
        }

        return error is OperationCanceledException && limit is { Passed: true }
            ? new CallOutcome(OutcomeKind.AttemptTimedOut)
            : AttemptOutcome.Of(error);
    }

    private bool Retry(in AttemptResult result)
        => wire.CanSend && rule.Retry.Allows(result.Outcome, IsIdempotent(request.Method)) && !caller.IsCancellationRequested;

    // RFC 9110 §9.2.2.
    private static bool IsIdempotent(HttpMethod method)
        => method == HttpMethod.Get || method == HttpMethod.Head || method == HttpMethod.Put || method == HttpMethod.Delete || method == HttpMethod.Options || method == HttpMethod.Trace;

    private HttpResponseMessage Finish(in AttemptResult result)
    {
        if (result.Response is not { } response)
        {
            EndCall();
            throw Failure(result);
        }

        _deadline?.LetGoOfCaller();
        target.Headers?.Apply(response);
        _response = response;
        if (result.Outcome.GrpcStatus is not null || response.Content.Headers.ContentLength == 0)
        {
            BodyEnded(BodyEnd.Abandoned);
        }
        else
        {
            response.Content = new TrackedContent(response.Content, this);
        }

        return response;
    }

    private Exception Failure(in AttemptResult result)
    {
        var error = result.Error ?? new IOException("no answer came");
        return result.Outcome.Kind switch
        {
            OutcomeKind.Cancelled when DeadlinePassed => DeadlineError(error),
            OutcomeKind.Cancelled => new OperationCanceledException(error.Message, error, caller),
            OutcomeKind.DeadlineExceeded => DeadlineError(error),
            OutcomeKind.AttemptTimedOut => MeshErrors.AttemptTimedOut(_cluster.Name, rule.Retry.PerTryTimeout, _attempts, error),
            _ => MeshErrors.Failed(_cluster.Name, _tried?[^1], result.Outcome, _attempts, error),
        };
    }

    private void ReleaseEndpoint() => Interlocked.Exchange(ref _endpoint, null)?.Finish();

    // For a call without an answer.
    private void EndCall()
    {
        if (Interlocked.Exchange(ref _ended, 1) == 0)
        {
            Release();
        }
    }

    private void Release()
    {
        _deadline?.Dispose();
        for (; _retriesTaken > 0; _retriesTaken--)
        {
            _cluster.Members.RetryBudget.Return();
        }

        _cluster.Members.Breaker.Exit();
    }
}
