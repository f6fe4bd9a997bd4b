using Polly;
using ProxylessMesh.Xds.Matching;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Resilience;

/// <summary>When a failed attempt of a route's calls may be followed by another, and the pipeline that carries them out.</summary>
/// <remarks>
/// Safe whatever the policy: an attempt that was provably not processed ("transparent", gRFC A6). Safe for idempotent calls: everything
/// else that leaves no answer. An answer is only given up where the policy says so, or where a draining server sent it away. A policy
/// without any condition asks for no retries, and gets only the transparent ones, as A6 has it.
/// </remarks>
internal sealed class RetryPolicy
{
    /// <summary>Of routes that have none: two more attempts for what is safe anyway.</summary>
    public static readonly RetryConfig Default = new() { On = RetryConditions.None, MaxRetries = 2 };

    /// <summary>Retries of attempts that were not processed, however few the policy allows of the others.</summary>
    private const int MinTransparentRetries = 2;

    private readonly RetryConfig _config;
    private readonly ResiliencePipeline<AttemptResult> _pipeline;

    public RetryPolicy(RetryConfig? config, TimeProvider time)
    {
        _config = config ?? Default;
        Config = config;
        MaxRetries = config is { On: RetryConditions.None } ? 0 : _config.MaxRetries;
        MaxTransparentRetries = Math.Max(MaxRetries, MinTransparentRetries);
        AttemptTimeout = Shorter(_config.PerTryTimeout, _config.PerTryIdleTimeout);
        _pipeline = RetryPipeline.Build(_config, MaxTransparentRetries, time);
    }

    /// <summary>What it was compiled from; null: the default.</summary>
    public RetryConfig? Config { get; }

    /// <summary>Longest wait for the headers of one attempt; null: as long as the call.</summary>
    public TimeSpan? AttemptTimeout { get; }

    /// <summary>Longest silence of an attempt's answer once its headers came (<c>per_try_idle_timeout</c>); null: none.</summary>
    public TimeSpan? IdleTimeout => Shorter(_config.PerTryIdleTimeout, null);

    /// <summary>Retries of attempts that may have been processed.</summary>
    public int MaxRetries { get; }

    /// <summary>Retries in all, those of attempts that were not processed included.</summary>
    public int MaxTransparentRetries { get; }

    /// <summary>An answer that looks like a success may be given up.</summary>
    public bool ReadsHeaders => (_config.On & (RetryConditions.RetriableHeaders | RetryConditions.RetriableStatusCodes)) != 0;

    /// <summary>The shorter of two limits, of which neither need be there; zero is none.</summary>
    public static TimeSpan? Shorter(TimeSpan? one, TimeSpan? other)
    {
        var (a, b) = (one > TimeSpan.Zero ? one : null, other > TimeSpan.Zero ? other : null);
        return a is null || b < a ? b : a;
    }

    /// <summary>Continues a call whose first attempt failed.</summary>
    public ValueTask<AttemptResult> ContinueAsync(IRetriedCall call, AttemptResult first, CancellationToken cancellationToken)
        => RetryPipeline.RunAsync(_pipeline, call, first, cancellationToken);

    /// <summary>Which kind of further attempt would be right, were there budget and a body to send.</summary>
    public RetryKind Judge<TRequest>(in AttemptResult last, in TRequest request, bool isIdempotent)
        where TRequest : struct, IMatchInput
    {
        var outcome = last.Outcome;
        if (outcome.WasNotProcessed)
        {
            return RetryKind.Transparent;
        }

        if (MaxRetries == 0 || !Covers(request))
        {
            return RetryKind.None;
        }

        var isWanted = outcome.Kind switch
        {
            OutcomeKind.Reset => isIdempotent || Has(RetryConditions.Reset | RetryConditions.ServerError | RetryConditions.GatewayError) || HasGrpc(outcome),
            OutcomeKind.AttemptTimedOut => isIdempotent || Has(RetryConditions.Reset | RetryConditions.ServerError | RetryConditions.GatewayError) || HasGrpc(outcome),
            OutcomeKind.Answered => (outcome.IsDraining && isIdempotent) || GivesUp(outcome, last.Response!),
            _ => false,
        };
        return isWanted ? RetryKind.Policy : RetryKind.None;
    }

    /// <summary>The wait that the answer itself asks for; null: none.</summary>
    public TimeSpan? AskedDelay(HttpResponseMessage? response, TimeProvider time) => RetryDelay.Asked(_config, response, time);

    /// <summary>The wait before one more attempt where the answer asks for none.</summary>
    public TimeSpan BackOff(int step) => RetryDelay.BackOff(_config, step);

    // Envoy's order: what a rate limiter sent away is nothing but that.
    private bool GivesUp(in CallOutcome outcome, HttpResponseMessage response)
    {
        if (response.Headers.NonValidated.Contains("x-envoy-ratelimited"))
        {
            return Has(RetryConditions.EnvoyRateLimited);
        }

        return (outcome.HttpStatus >= 500 && Has(RetryConditions.ServerError))
            || (outcome.HttpStatus is 502 or 503 or 504 && Has(RetryConditions.GatewayError))
            || (outcome.HttpStatus == 409 && Has(RetryConditions.Retriable4xx))
            || (Has(RetryConditions.RetriableStatusCodes) && _config.StatusCodes.Contains(outcome.HttpStatus))
            || (Has(RetryConditions.RetriableHeaders) && Matches(response))
            || HasGrpc(outcome);
    }

    private bool Matches(HttpResponseMessage response)
    {
        foreach (var header in _config.RetriableHeaders)
        {
            if (header.Matches(new HttpResponseInput(response)))
            {
                return true;
            }
        }

        return false;
    }

    private bool Covers<TRequest>(in TRequest request)
        where TRequest : struct, IMatchInput
    {
        foreach (var header in _config.RetriableRequestHeaders)
        {
            if (header.Matches(request))
            {
                return true;
            }
        }

        return _config.RetriableRequestHeaders.IsEmpty;
    }

    private bool Has(RetryConditions any) => (_config.On & any) != 0;

    private bool HasGrpc(in CallOutcome outcome) => outcome.GrpcStatus is { } status && Has(GrpcCondition(status));

    private static RetryConditions GrpcCondition(int status) => status switch
    {
        1 => RetryConditions.Cancelled,
        4 => RetryConditions.DeadlineExceeded,
        8 => RetryConditions.ResourceExhausted,
        13 => RetryConditions.Internal,
        14 => RetryConditions.Unavailable,
        _ => RetryConditions.None,
    };
}

/// <summary>Why another attempt may be made.</summary>
internal enum RetryKind
{
    /// <summary>It may not.</summary>
    None,

    /// <summary>The last one was not processed: nobody can tell that there was one (gRFC A6, "Transparent Retries").</summary>
    Transparent,

    /// <summary>The policy allows it, or the call can be carried out twice.</summary>
    Policy,
}
