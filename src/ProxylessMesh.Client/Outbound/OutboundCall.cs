using System.Diagnostics;
using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Client.Resilience;
using ProxylessMesh.Client.Routing;
using ProxylessMesh.Client.Telemetry;

namespace ProxylessMesh.Client.Outbound;

/// <summary>
/// One call from its route to the end of its answer's body: deadline, attempts, and the counts that must return to where they were.
/// </summary>
/// <remarks>
/// Two things are counted while a call lives: the call at its cluster (breaker, budget), here, and its attempt at an endpoint, in
/// <see cref="Attempt"/>. Both end exactly once: when no answer came, or when the body of the answer ends.
/// </remarks>
internal sealed class OutboundCall(CallServices services, RouteRule rule, RouteTarget target, WireRequest wire, CancellationToken caller) : IRetriedCall
{
    private CallDeadline? _deadline;
    private Activity? _activity;
    private List<ClusterEndpoint>? _tried;
    private Attempt? _attempt;

    // Small types: one of these is made for each call.
    private ushort _attempts;
    private ushort _retriesTaken;
    private ushort _policyRetries;
    private bool _ended;
    private bool _isTraced;

    public Cluster Cluster => target.Cluster!;

    public bool IsGrpc => wire.IsGrpc;

    /// <summary>The call's span; null: nobody listens.</summary>
    public Activity? Activity => _activity;

    public CancellationToken DeadlineToken => _deadline?.Token ?? default;

    public bool DeadlinePassed => _deadline is { Passed: true };

    public CircuitBreaker Breaker => Cluster.Members.BreakerOf(rule.IsHighPriority);

    private CancellationToken Token => wire.Plan?.Idle?.Token ?? _deadline?.Token ?? caller;

    public MeshException DeadlineError(Exception? inner) => MeshErrors.DeadlineExceeded(Cluster.Name, _deadline, _attempts, inner);

    /// <summary>Sends the call. The cluster's breaker has let it in.</summary>
    public async Task<HttpResponseMessage> RunAsync()
    {
        // In here, so that the span is current for this call alone.
        var request = wire.Request;
        var activity = CallActivity.StartCall(request, wire.Host.Authority, rule.Name);
        _activity = activity;
        _isTraced = (activity ?? Activity.Current) is not null && !request.Headers.NonValidated.Contains("traceparent");
        var started = services.Meter.MeasuresCalls ? services.Time.GetTimestamp() : 0;
        var outcome = default(CallOutcome);
        var error = default(string);
        HttpResponseMessage response;
        try
        {
            _deadline = CallDeadline.Start(wire.IsGrpc ? rule.GrpcTimeout : rule.HttpTimeout, services.Time, caller);
            if (target.Fault is { } fault && await InjectAsync(fault).ConfigureAwait(false) is { } aborted)
            {
                outcome = new CallOutcome(OutcomeKind.Answered, (int)aborted.StatusCode);
                error = "fault";
                End();
                return aborted;
            }

            target.Headers?.Apply(request, wire.Headers);
            wire.Plan?.Prepare(wire, services, Token);
            Breaker.Retries.Deposit();

            AttemptResult result;
            if (rule.Hedge is { } hedge && HedgeDelay(hedge) is { } delay)
            {
                result = await new HedgedAttempts(this, hedge, delay, rule.Retry, wire, services).RunAsync(Token).ConfigureAwait(false);
            }
            else
            {
                // The first attempt is awaited here and not in AttemptAsync: one state machine per call.
                var attempt = Start(1);
                var limit = Limit();
                try
                {
                    result = attempt.Answered(await attempt.SendAsync(wire, limit?.Token ?? Token).ConfigureAwait(false));
                }
                catch (Exception e)
                {
                    result = Failed(attempt, e, limit);
                }

                limit?.Dispose();
                if (Judge(result) != RetryKind.None)
                {
                    result = await rule.Retry.ContinueAsync(this, result, Token).ConfigureAwait(false);
                }
            }

            outcome = result.Outcome;
            error = outcome.Kind == OutcomeKind.Answered ? null : outcome.Word;
            response = Finish(result);
        }
        catch (Exception e)
        {
            error ??= e is MeshException mesh ? mesh.Error.ToString() : e.GetType().Name;
            _attempt?.Release();
            End();
            throw;
        }
        finally
        {
            wire.Restore();
            if (started != 0)
            {
                services.Meter.CallFinished(services.Time.GetElapsedTime(started), request.Method.Method, wire.Host.Authority, Cluster.Name, outcome.HttpStatus, outcome.GrpcStatus, error);
            }

            CallActivity.EndCall(activity, Cluster.Name, _attempt?.Endpoint.Name ?? "", _attempts, outcome.HttpStatus, error);
        }

        // After the end of this call: what follows is another.
        return services.Redirects is { } redirects && !wire.IsGrpc && RedirectFollower.IsRedirect(response)
            ? await redirects.FollowAsync(request, response, caller).ConfigureAwait(false)
            : response;
    }

    /// <summary>Makes one more attempt.</summary>
    public async ValueTask<AttemptResult> AttemptAsync(int number)
    {
        var attempt = Start(number);
        var activity = CallActivity.StartAttempt(_activity, number);
        using var limit = Limit();
        AttemptResult result;
        try
        {
            result = attempt.Answered(await attempt.SendAsync(wire, limit?.Token ?? Token, activity).ConfigureAwait(false));
        }
        catch (Exception e)
        {
            result = Failed(attempt, e, limit);
        }

        CallActivity.EndAttempt(activity, attempt.Endpoint.Name, result.Outcome.HttpStatus, result.Response is null ? result.Outcome.Word : null);
        return result;
    }

    /// <summary>Prepares a request for one attempt: where to, how long it may take, which attempt it is, and the trace it belongs to.</summary>
    public void Address(WireRequest attempt, ClusterEndpoint endpoint, Activity? activity)
    {
        attempt.AddressTo(Cluster, endpoint);
        // Nothing has taken time yet: the clock need not be asked again.
        var rest = _attempts == 1 && target.Fault is null ? _deadline?.Limit : _deadline?.Remaining;
        attempt.LimitTo(!IsGrpc && rule.Retry.AttemptTimeout is { } perTry && !(rest < perTry) ? perTry : rest, rule.ExpectedTimeout);
        attempt.StampAttempt(_attempts);
        if (_isTraced && (activity ?? _activity ?? Activity.Current) is { } running)
        {
            CallActivity.Inject(attempt.Request, running, attempt.Headers.Set);
        }
    }

    public bool TakeRetry(in AttemptResult last, int retries)
    {
        var kind = Judge(last);
        if (kind == RetryKind.None || RetryDelay.IsRefused(last.Response) || !LeavesTimeFor(last.Response)
            || (kind == RetryKind.Policy && _policyRetries >= rule.Retry.MaxRetries))
        {
            return false;
        }

        if (kind == RetryKind.Policy && ServedCall.IsRetry)
        {
            services.Meter.RetryRefused(Cluster.Name, "served_retry");
            return false;
        }

        if (!TakeFromBudget(last.Outcome.Word))
        {
            return false;
        }

        _policyRetries += kind == RetryKind.Policy ? (ushort)1 : (ushort)0;
        return true;
    }

    public void Abandon(in AttemptResult last)
    {
        if (last.Response is { } response)
        {
            // What failed without an answer is on the list already.
            (_tried ??= []).Add(_attempt!.Endpoint);
            response.Dispose();
        }

        _attempt?.Release();
    }

    /// <summary>Starts an attempt that may overlap with others. They go to different endpoints where there are several.</summary>
    public Attempt StartHedge(int number)
    {
        var attempt = Start(number);
        (_tried ??= []).Add(attempt.Endpoint);
        return attempt;
    }

    /// <summary>Takes one more attempt from the budget; given back at the end of the call.</summary>
    /// <param name="reason">What the attempt before ended with, in few different words.</param>
    public bool TakeFromBudget(string reason)
    {
        if (!Breaker.Retries.TryTake(Breaker.Active))
        {
            services.Meter.RetryRefused(Cluster.Name, "budget");
            return false;
        }

        _retriesTaken++;
        services.Meter.Retried(Cluster.Name, reason);
        return true;
    }

    /// <summary>This attempt's result is the call's.</summary>
    public void Adopt(Attempt attempt) => _attempt = attempt;

    /// <summary>Gives back what the call holds at its cluster. Only the first end counts; any thread may call it any number of times.</summary>
    public void End()
    {
        if (Interlocked.Exchange(ref _ended, true))
        {
            return;
        }

        if (_deadline?.End() == true)
        {
            _deadline = null;
        }

        for (; _retriesTaken > 0; _retriesTaken--)
        {
            Breaker.Retries.Return();
        }

        Breaker.Exit();
    }

    private async ValueTask<HttpResponseMessage?> InjectAsync(Xds.Resources.FaultConfig fault)
    {
        try
        {
            var injected = await services.Faults.InjectAsync(fault, wire.Input, Token).ConfigureAwait(false);
            if (injected.IsNone)
            {
                wire.Plan?.DrawFault(fault, wire, services.Faults);
                return null;
            }

            return LocalAnswer.Abort(wire.Request, wire.IsGrpc, injected.HttpStatus, injected.GrpcStatus);
        }
        catch (OperationCanceledException e) when (DeadlinePassed)
        {
            throw DeadlineError(e);
        }
        catch (OperationCanceledException e) when (caller.IsCancellationRequested)
        {
            throw new OperationCanceledException(e.Message, e, caller);
        }
    }

    private Attempt Start(int number)
    {
        _attempts = (ushort)number;
        return _attempt = new Attempt(this, StartEndpoint());
    }

    // A removed endpoint may close between the pick and the start: the routes in force now have another.
    private ClusterEndpoint StartEndpoint()
    {
        var cluster = Cluster;
        for (var i = 0; i < 5; i++)
        {
            var plan = wire.Plan;
            var endpoint = cluster.Pick(new PickInput { Tried = _tried, Hash = plan?.Hash, Session = plan?.SessionOf(isRetry: _tried is not null) });
            if (endpoint is null)
            {
                break;
            }

            if (plan?.Accepts(endpoint) == false)
            {
                throw MeshErrors.SessionLost(Cluster.Name, plan.Session);
            }

            if (endpoint.TryStart())
            {
                return endpoint.Owner.MayWait(endpoint, Breaker) ? endpoint : throw TooManyPending(endpoint);
            }

            cluster = wire.Host.State.Routes?.Find(cluster.Name) ?? cluster;
        }

        throw MeshErrors.NoHealthyEndpoint(Cluster.Name);
    }

    private MeshException TooManyPending(ClusterEndpoint endpoint)
    {
        endpoint.Finish();
        services.Meter.Dropped(Cluster.Name, "max_pending_requests");
        return MeshErrors.TooManyPending(Cluster, Breaker);
    }

    // Null: not this call. Only what may be carried out twice; for gRPC the policy says so (gRFC A6). Not on top of the caller's retries.
    private TimeSpan? HedgeDelay(Xds.Resources.HedgeConfig hedge)
        => !ServedCall.IsRetry && (wire.IsGrpc || Idempotency.IsGiven(wire.Request))
            ? hedge.OnPerTryTimeout ? rule.Retry.AttemptTimeout : hedge.Delay
            : null;

    private AttemptLimit? Limit() => rule.Retry.AttemptTimeout is { } perTry ? new AttemptLimit(perTry, services.Time, Token) : null;

    public AttemptResult Failed(Attempt attempt, Exception error, AttemptLimit? limit)
    {
        var outcome = Classify(error, limit);
        _tried ??= [];
        if (_tried.Count == 0 || !_tried.Contains(attempt.Endpoint))
        {
            _tried.Add(attempt.Endpoint);
        }

        OutcomeRecord.Failure(attempt.Endpoint, outcome, _deadline is { IsCallers: true });
        attempt.Release();
        return new AttemptResult(outcome, null, error);
    }

    private CallOutcome Classify(Exception error, AttemptLimit? limit)
    {
        if (caller.IsCancellationRequested)
        {
            return new CallOutcome(OutcomeKind.Cancelled);
        }

        if (DeadlinePassed || wire.Plan?.Idle is { Passed: true })
        {
            return new CallOutcome(OutcomeKind.DeadlineExceeded);
        }

        return error is OperationCanceledException && limit is { Passed: true }
            ? new CallOutcome(OutcomeKind.AttemptTimedOut, GrpcStatus: wire.IsGrpc ? 4 : null)
            : AttemptOutcome.Of(error, wire.IsGrpc);
    }

    public RetryKind Judge(in AttemptResult result)
        => IsFine(result) || !wire.CanSend || caller.IsCancellationRequested
            ? RetryKind.None
            : rule.Retry.Judge(result, new HttpRequestInput(wire.Request, wire.Request.RequestUri!, wire.Host.Authority), Idempotency.IsGiven(wire.Request));

    // Asked first, because most answers are: it costs nothing.
    private bool IsFine(in AttemptResult result)
        => result.Outcome is { Kind: OutcomeKind.Answered, HttpStatus: < 300, GrpcStatus: null } && !rule.Retry.ReadsHeaders;

    // An answer now is better than a deadline that passes while nobody does anything.
    private bool LeavesTimeFor(HttpResponseMessage? response)
        => _deadline is not { } deadline || deadline.Remaining > (rule.Retry.AskedDelay(response, services.Time) ?? TimeSpan.Zero);

    private HttpResponseMessage Finish(in AttemptResult result)
    {
        if (result.Response is not { } response)
        {
            End();
            throw wire.Plan?.Idle is { Passed: true } idle
                ? MeshErrors.Idle(Cluster.Name, idle.Limit, result.Error)
                : MeshErrors.Of(result, Cluster, _tried?[^1], _deadline, rule.Retry.AttemptTimeout, _attempts, caller);
        }

        // Nothing else holds the deadline's token: no body was sent with it, no attempt overlapped, nothing else watched the time.
        _deadline?.LetGoOfCaller(mayBeKept: wire is { Plan: null, Request.Content: null } && rule is { Hedge: null, Retry.IdleTimeout: null });
        target.Headers?.Apply(response);
        response.RequestMessage = wire.Request;
        wire.Plan?.Answered(response, _attempt!.Endpoint);
        if (result.Outcome is { GrpcStatus: not null, HttpStatus: 200 } || ContentHeaders.SayEmpty(response.Content))
        {
            _attempt!.BodyEnded(BodyEnd.Abandoned);
        }
        else
        {
            response.Content = new TrackedContent(response, this, _attempt!);
            wire.Plan?.WrapBody(response);
            if (rule.Retry.IdleTimeout is { } silence)
            {
                response.Content = new IdleContent(response.Content, new IdleLimit(silence, services.Time, DeadlineToken), Cluster.Name);
            }
        }

        return response;
    }
}
