using ProxylessMesh.Client.Resilience;
using ProxylessMesh.Client.Telemetry;

namespace ProxylessMesh.Client.Outbound;

/// <summary>One of several attempts under way at once: it can be called off without the call being over.</summary>
internal sealed class HedgedAttempt
{
    private readonly OutboundCall _call;
    private readonly CancellationTokenSource _stop;
    private volatile bool _abandoned;

    private HedgedAttempt(OutboundCall call, Attempt attempt, CancellationToken cancellationToken)
    {
        _call = call;
        Attempt = attempt;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
    }

    public Attempt Attempt { get; }

    /// <summary>Ends with its result; never fails.</summary>
    public Task<AttemptResult> Task { get; private set; } = null!;

    public static HedgedAttempt Start(OutboundCall call, Attempt attempt, int number, WireRequest wire, CancellationToken cancellationToken)
    {
        var hedged = new HedgedAttempt(call, attempt, cancellationToken);
        hedged.Task = hedged.SendAsync(wire, number);
        return hedged;
    }

    /// <summary>Calls it off. Whatever comes of it speaks neither for nor against its endpoint.</summary>
    public void Abandon()
    {
        _abandoned = true;
        try
        {
            _stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has just ended; its answer is thrown away below.
        }

        _ = ThrowAwayAsync();
    }

    private async Task ThrowAwayAsync()
    {
        var result = await Task.ConfigureAwait(false);
        result.Response?.Dispose();
    }

    private async Task<AttemptResult> SendAsync(WireRequest wire, int number)
    {
        var activity = number == 1 ? null : CallActivity.StartAttempt(_call.Activity, number);
        AttemptResult result;
        try
        {
            result = Attempt.Answered(await Attempt.SendAsync(wire, _stop.Token, activity).ConfigureAwait(false));
        }
        catch (Exception e)
        {
            result = _abandoned ? new AttemptResult(new CallOutcome(OutcomeKind.Cancelled), null, e) : _call.Failed(Attempt, e, null);
        }

        _stop.Dispose();
        CallActivity.EndAttempt(activity, Attempt.Endpoint.Name, result.Outcome.HttpStatus, result.Response is null ? result.Outcome.Word : null);
        return result;
    }
}
