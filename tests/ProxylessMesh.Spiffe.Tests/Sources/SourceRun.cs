using Microsoft.Extensions.Logging;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.Spiffe.Tests.Sources;

/// <summary>A source that runs until the test ends.</summary>
internal sealed class SourceRun<TSource> : IAsyncDisposable
    where TSource : RenewingIdentitySource
{
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private readonly ILoggerFactory _loggers;
    private readonly Task _running;

    public SourceRun(Func<ILogger<TSource>, TSource> create)
    {
        _loggers = LoggerFactory.Create(logging => logging.AddProvider(Log));
        Source = create(_loggers.CreateLogger<TSource>());
        _running = Source.RunAsync(_stop.Token);
    }

    public TSource Source { get; }

    public LogGuard Log { get; } = new();

    /// <summary>The identity that comes in force next; ask before it is caused.</summary>
    public Task<WorkloadIdentity> NextIdentity()
    {
        var next = new TaskCompletionSource<WorkloadIdentity>(TaskCreationOptions.RunContinuationsAsynchronously);
        Source.Changed += identity => next.TrySetResult(identity);
        return next.Task.WaitAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>The failure that comes next; ask before it is caused.</summary>
    public Task<IdentityStatus> NextFailure()
    {
        var next = new TaskCompletionSource<IdentityStatus>(TaskCreationOptions.RunContinuationsAsynchronously);
        Source.StatusChanged += status => _ = status.Error is null || next.TrySetResult(status);
        return next.Task.WaitAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        (Source as IDisposable)?.Dispose();
        _stop.Dispose();
        _loggers.Dispose();
        Log.Dispose();
    }
}
