using Polly;
using Polly.Retry;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Resilience;

/// <summary>What the pipeline asks of a call that is being retried.</summary>
internal interface IRetriedCall
{
    /// <summary>Decides about one more attempt and, if so, takes it from the budget.</summary>
    bool TakeRetry(in AttemptResult last, int retries);

    /// <summary>Ends what is left of the last attempt.</summary>
    void Abandon(in AttemptResult last);

    ValueTask<AttemptResult> AttemptAsync(int number);
}

/// <summary>The Polly pipeline of a route: it receives a first attempt that already failed and carries out the rest.</summary>
internal static class RetryPipeline
{
    private static readonly ResiliencePropertyKey<State> StateKey = new("mesh.call");

    public static ResiliencePipeline<AttemptResult> Build(RetryConfig config, int maxRetries, TimeProvider time)
        => new ResiliencePipelineBuilder<AttemptResult> { TimeProvider = time }
            .AddRetry(new RetryStrategyOptions<AttemptResult>
            {
                Name = "mesh-retry",
                MaxRetryAttempts = maxRetries,
                ShouldHandle = args => ValueTask.FromResult(
                    args.Outcome.Exception is null
                    && args.AttemptNumber < maxRetries
                    && args.Context.Properties.TryGetValue(StateKey, out var state)
                    && state.Call.TakeRetry(args.Outcome.Result, args.AttemptNumber)),
                OnRetry = static args =>
                {
                    if (args.Context.Properties.TryGetValue(StateKey, out var state))
                    {
                        state.Call.Abandon(args.Outcome.Result);
                    }

                    return default;
                },
                DelayGenerator = args => ValueTask.FromResult<TimeSpan?>(
                    args.Context.Properties.TryGetValue(StateKey, out var state) ? state.Delay(config, args.Outcome.Result, time) : TimeSpan.Zero),
            })
            .Build();

    public static async ValueTask<AttemptResult> RunAsync(ResiliencePipeline<AttemptResult> pipeline, IRetriedCall call, AttemptResult first, CancellationToken cancellationToken)
    {
        var context = ResilienceContextPool.Shared.Get(continueOnCapturedContext: false, cancellationToken);
        try
        {
            var state = new State(call, first);
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
    private sealed class State(IRetriedCall call, AttemptResult first)
    {
        private int _attempt;
        private int _backOffs;
        private bool _transparent;
        private AttemptResult _last = first;

        public IRetriedCall Call { get; } = call;

        public async ValueTask<Outcome<AttemptResult>> NextAsync()
        {
            if (_attempt++ > 0)
            {
                _last = await Call.AttemptAsync(_attempt).ConfigureAwait(false);
            }

            return Outcome.FromResult(_last);
        }

        public TimeSpan Delay(RetryConfig config, in AttemptResult last, TimeProvider time)
        {
            // A6: the first transparent retry is made at once; one that fails as well is no accident.
            if (last.Outcome.WasNotProcessed && !_transparent)
            {
                _transparent = true;
                return TimeSpan.Zero;
            }

            if (RetryDelay.Asked(config, last.Response, time) is { } asked)
            {
                // A6: after a pushback the back-off begins anew.
                _backOffs = 0;
                return asked;
            }

            return RetryDelay.BackOff(config, _backOffs++);
        }
    }
}
