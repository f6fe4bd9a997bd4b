using Polly;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Resilience;

/// <summary>When a failed attempt of a route's calls may be followed by another, and the pipeline that carries them out.</summary>
/// <remarks>
/// Safe whatever the policy: an attempt that was provably not processed. Safe for idempotent methods: everything else that leaves no
/// answer. An answer is only given up where the policy says so, or where a draining server sent it away.
/// </remarks>
internal sealed class RetryPolicy
{
    /// <summary>Of routes that have none: two more attempts for what is safe anyway.</summary>
    public static readonly RetryConfig Default = new() { On = RetryConditions.None, MaxRetries = 2 };

    private readonly RetryConfig _config;
    private readonly ResiliencePipeline<AttemptResult> _pipeline;

    public RetryPolicy(RetryConfig? config, TimeProvider time)
    {
        _config = config ?? Default;
        Config = config;
        _pipeline = RetryPipeline.Build(_config, time);
    }

    /// <summary>What it was compiled from; null: the default.</summary>
    public RetryConfig? Config { get; }

    public TimeSpan? PerTryTimeout => _config.PerTryTimeout is { } timeout && timeout > TimeSpan.Zero ? timeout : null;

    public int MaxRetries => _config.MaxRetries;

    /// <summary>Continues a call whose first attempt failed.</summary>
    public ValueTask<AttemptResult> ContinueAsync(IRetriedCall call, AttemptResult first, CancellationToken cancellationToken)
        => RetryPipeline.RunAsync(_pipeline, call, first, MaxRetries, cancellationToken);

    /// <summary>Whether another attempt would be right, were there budget and a body to send.</summary>
    public bool Allows(in CallOutcome outcome, bool isIdempotent) => outcome.Kind switch
    {
        OutcomeKind.ConnectFailed or OutcomeKind.PeerRefused => true,
        OutcomeKind.RefusedStream => true,
        OutcomeKind.Reset => isIdempotent || Has(RetryConditions.Reset | RetryConditions.ServerError),
        OutcomeKind.AttemptTimedOut => isIdempotent || Has(RetryConditions.Reset | RetryConditions.ServerError | RetryConditions.GatewayError),
        OutcomeKind.Answered => AllowsAnswer(outcome, isIdempotent),
        _ => false,
    };

    private bool AllowsAnswer(in CallOutcome outcome, bool isIdempotent)
    {
        if (outcome.GrpcStatus is { } grpcStatus)
        {
            return GrpcCondition(grpcStatus) is { } condition && Has(condition);
        }

        return (outcome.IsDraining && isIdempotent)
            || (outcome.HttpStatus >= 500 && Has(RetryConditions.ServerError))
            || (outcome.HttpStatus is 502 or 503 or 504 && Has(RetryConditions.GatewayError))
            || (outcome.HttpStatus == 409 && Has(RetryConditions.Retriable4xx))
            || (Has(RetryConditions.RetriableStatusCodes) && _config.StatusCodes.Contains(outcome.HttpStatus));
    }

    private bool Has(RetryConditions any) => (_config.On & any) != 0;

    private static RetryConditions? GrpcCondition(int status) => status switch
    {
        1 => RetryConditions.Cancelled,
        4 => RetryConditions.DeadlineExceeded,
        8 => RetryConditions.ResourceExhausted,
        13 => RetryConditions.Internal,
        14 => RetryConditions.Unavailable,
        _ => null,
    };
}
