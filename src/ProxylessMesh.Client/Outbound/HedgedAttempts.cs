using ProxylessMesh.Client.Resilience;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Outbound;

/// <summary>
/// Carries out a call by attempts that overlap: the next begins when the last has not answered for a while, or has failed in a way that
/// leaves hope; the first good answer ends the others (gRFC A6, "Hedging Policy"; Envoy, <c>hedge_on_per_try_timeout</c>).
/// </summary>
/// <remarks>
/// Each attempt sends a message of its own, the application's stays as it is. Attempts after the first are paid from the retry budget
/// and let in by the breaker; where either refuses, or the body is too large or still being written, the call goes on with what it has.
/// A loop of its own and no strategy of Polly's: a server's pushback moves the schedule, and a failure can end it.
/// </remarks>
internal sealed class HedgedAttempts(OutboundCall call, HedgeConfig hedge, TimeSpan delay, RetryPolicy retry, WireRequest wire, CallServices services)
{
    private readonly RequestCopy _copy = new(wire.Request);
    private readonly TaskCompletionSource _bodySent = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<HedgedAttempt> _running = [];
    private AttemptResult _last;
    private Attempt? _lastAttempt;
    private int _launched;
    private int _backOffs;
    private bool _noMore;
    private bool _settled;
    private long _nextAt;

    /// <summary>Ends with the answer to be used, or with the last failure; every other attempt is over then.</summary>
    public async Task<AttemptResult> RunAsync(CancellationToken cancellationToken)
    {
        if (wire.Request.Content is RecordingContent recording)
        {
            recording.Sent += () => _bodySent.TrySetResult();
        }

        try
        {
            Launch(_copy.MakeFirst(), cancellationToken);
            while (true)
            {
                if (await NextEndAsync(cancellationToken).ConfigureAwait(false) is not { } ended)
                {
                    if (_running.Count == 0 && (_noMore || _launched >= hedge.MaxAttempts || cancellationToken.IsCancellationRequested))
                    {
                        return UseLast(cancellationToken);
                    }

                    continue;
                }

                var result = await ended.Task.ConfigureAwait(false);
                _running.Remove(ended);
                if (!LeavesHope(result))
                {
                    DropLast();
                    _settled = true;
                    call.Adopt(ended.Attempt);
                    return result;
                }

                Keep(ended, result);
                Schedule(result);
            }
        }
        finally
        {
            foreach (var loser in _running)
            {
                loser.Attempt.Release();
                loser.Abandon();
                if (_settled)
                {
                    call.Breaker.Exit();
                }

                // One place at the breaker is the call's own.
                _settled = true;
            }
        }
    }

    /// <returns>The attempt that ended; null: the time of the next one came, or nothing is left to wait for.</returns>
    private async Task<HedgedAttempt?> NextEndAsync(CancellationToken cancellationToken)
    {
        var mayLaunch = !_noMore && _launched < hedge.MaxAttempts && !cancellationToken.IsCancellationRequested;
        var wait = mayLaunch ? services.Time.GetElapsedTime(services.Time.GetTimestamp(), _nextAt) : Timeout.InfiniteTimeSpan;
        if (mayLaunch && wait <= TimeSpan.Zero && (_running.Count == 0 || _copy.CanMake || _bodySent.Task.IsCompleted))
        {
            LaunchNext(cancellationToken);
            return null;
        }

        if (_running.Count == 0 && !mayLaunch)
        {
            return null;
        }

        if (_running.Find(static attempt => attempt.Task.IsCompleted) is { } ended)
        {
            return ended;
        }

        var waits = new List<Task>(_running.Select(static attempt => attempt.Task));
        var wake = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        waits.Add(wake.Task);
        using var cancelled = cancellationToken.UnsafeRegister(static source => ((TaskCompletionSource)source!).TrySetResult(), wake);
        using var timer = mayLaunch && wait > TimeSpan.Zero ? services.Time.CreateTimer(static source => ((TaskCompletionSource)source!).TrySetResult(), wake, wait, Timeout.InfiniteTimeSpan) : null;
        if (mayLaunch && timer is null)
        {
            waits.Add(_bodySent.Task);
        }

        var first = await Task.WhenAny(waits).ConfigureAwait(false);
        return _running.Find(attempt => ReferenceEquals(attempt.Task, first));
    }

    private void LaunchNext(CancellationToken cancellationToken)
    {
        // The attempts before may have ended without asking for the body: then it is still all there.
        var request = _copy.TryMake() ?? (_running.Count == 0 && wire.CanSend ? _copy.MakeFirst() : null);
        if (request is null || !call.Breaker.TryEnter())
        {
            _noMore = true;
            return;
        }

        try
        {
            _noMore = !call.TakeFromBudget("hedge");
            if (!_noMore)
            {
                Launch(request, cancellationToken);
                return;
            }
        }
        catch (MeshException)
        {
            // Nowhere to send it. The attempts under way are as good as before.
            _noMore = true;
        }

        call.Breaker.Exit();
    }

    private void Launch(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        _nextAt = After(delay);
        var attempt = call.StartHedge(++_launched);
        _running.Add(HedgedAttempt.Start(call, attempt, _launched, new WireRequest(request, wire.Host, request.RequestUri!, wire.IsGrpc, services.RetryBufferBytes, wire.Plan), cancellationToken));
    }

    // A6: the next comes at once, or when the server says; after that they go on as planned.
    private void Schedule(in AttemptResult failed)
    {
        if (RetryDelay.IsRefused(failed.Response))
        {
            _noMore = true;
            return;
        }

        var asked = retry.AskedDelay(failed.Response, services.Time);
        _nextAt = After(asked ?? (hedge.OnPerTryTimeout && !failed.Outcome.WasNotProcessed ? retry.BackOff(_backOffs++) : TimeSpan.Zero));
    }

    private bool LeavesHope(in AttemptResult result)
    {
        if (result.Outcome.WasNotProcessed)
        {
            return true;
        }

        return hedge.OnPerTryTimeout || !wire.IsGrpc
            ? call.Judge(result) != RetryKind.None
            : result.Outcome is { Kind: OutcomeKind.Answered or OutcomeKind.Reset, GrpcStatus: { } status } && hedge.NonFatalGrpcStatuses.Contains(status);
    }

    // An answer is worth more than none, were it a bad one.
    private void Keep(HedgedAttempt ended, in AttemptResult result)
    {
        if (_lastAttempt is not null && result.Response is null && _last.Response is not null)
        {
            ended.Attempt.Release();
            call.Breaker.Exit();
            return;
        }

        DropLast();
        (_last, _lastAttempt) = (result, ended.Attempt);
    }

    private void DropLast()
    {
        if (_lastAttempt is not null)
        {
            _last.Response?.Dispose();
            _lastAttempt.Release();
            call.Breaker.Exit();
            _lastAttempt = null;
        }
    }

    private AttemptResult UseLast(CancellationToken cancellationToken)
    {
        if (_last.Response is null && cancellationToken.IsCancellationRequested)
        {
            return new AttemptResult(new CallOutcome(OutcomeKind.Cancelled), null, new OperationCanceledException(cancellationToken));
        }

        call.Adopt(_lastAttempt!);
        return _last;
    }

    private long After(TimeSpan wait) => services.Time.GetTimestamp() + (long)(wait.TotalSeconds * services.Time.TimestampFrequency);
}
