using Polly;
using Polly.Retry;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Resilience;

/// <summary>What the pipeline asks of a call that is being retried.</summary>
internal interface IRetriedCall
{
    /// <summary>Decides about one more attempt and, if so, takes it from the budget.</summary>
    bool TakeRetry(in AttemptResult last, int attempt);

    /// <summary>Ends what is left of the last attempt.</summary>
    void Abandon(in AttemptResult last);

    ValueTask<AttemptResult> AttemptAsync(int number);
}

/// <summary>The Polly pipeline of a route: it receives a first attempt that already failed and carries out the rest.</summary>
internal static class RetryPipeline
{
    private static readonly ResiliencePropertyKey<State> StateKey = new("mesh.call");

    public static ResiliencePipeline<AttemptResult> Build(RetryConfig config, TimeProvider time)
        => new ResiliencePipelineBuilder<AttemptResult> { TimeProvider = time }
            .AddRetry(new RetryStrategyOptions<AttemptResult>
            {
                Name = "mesh-retry",
                MaxRetryAttempts = config.MaxRetries,
                ShouldHandle = static args => ValueTask.FromResult(
                    args.Outcome.Exception is null
                    && args.Context.Properties.TryGetValue(StateKey, out var state)
                    && args.AttemptNumber < state.MaxRetries
                    && state.Call.TakeRetry(args.Outcome.Result, args.AttemptNumber)),
                OnRetry = static args =>
                {
                    if (args.Context.Properties.TryGetValue(StateKey, out var state))
                    {
                        state.Call.Abandon(args.Outcome.Result);
                    }

                    return default;
                },
                DelayGenerator = args => ValueTask.FromResult<TimeSpan?>(RetryDelay.For(config, args.Outcome.Result, args.AttemptNumber, time)),
            })
            .Build();

    public static async ValueTask<AttemptResult> RunAsync(ResiliencePipeline<AttemptResult> pipeline, IRetriedCall call, AttemptResult first, int maxRetries, CancellationToken cancellationToken)
    {
        var context = ResilienceContextPool.Shared.Get(continueOnCapturedContext: false, cancellationToken);
        try
        {
            var state = new State(call, first, maxRetries);
            context.Properties.Set(StateKey, state);
            var outcome = await pipeline.ExecuteOutcomeAsync(static (_, state) => state.NextAsync(), context, state).ConfigureAwait(false);
            if (outcome.Exception is OperationCanceledException error)
            {
                // The wait between attempts was cancelled.
                return new AttemptResult(new CallOutcome(OutcomeKind.Cancelled), null, error);
            }

            outcome.ThrowIfException();
            return outcome.Result;
        }
        finally
        {
            ResilienceContextPool.Shared.Return(context);
        }
    }

    /// <summary>One call's way through the pipeline. Its first execution only hands in the attempt that failed before.</summary>
    private sealed class State(IRetriedCall call, AttemptResult first, int maxRetries)
    {
        private int _attempt;
        private AttemptResult _last = first;

        public IRetriedCall Call { get; } = call;

        public int MaxRetries { get; } = maxRetries;

        public async ValueTask<Outcome<AttemptResult>> NextAsync()
        {
            if (_attempt++ > 0)
            {
                _last = await Call.AttemptAsync(_attempt).ConfigureAwait(false);
            }

            return Outcome.FromResult(_last);
        }
    }
}
