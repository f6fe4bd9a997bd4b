using System.Collections.Concurrent;
using Grpc.Core;
using ProxylessMesh.Protos.V1;

namespace ProxylessMesh.ControlPlane.Calls;

/// <summary>
/// Our side of one workload's stream. Several parts of the control plane write to it, one after the other; an answer belongs to the
/// question that this stream was asked, and to no other.
/// </summary>
internal sealed class WorkloadConversation(IServerStreamWriter<JoinResponse> responses, CancellationToken ending) : IDisposable
{
    // Whoever does not answer is not asked more.
    private const int MaxPending = 4;

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly ConcurrentDictionary<ulong, TaskCompletionSource<CallReport>> _pending = new();
    private ulong _lastId;

    /// <summary>How the workload says that its certificate stands; null before it said so.</summary>
    public IdentityReport? Identity { get; set; }

    public async Task SendAsync(JoinResponse response)
    {
        await _turn.WaitAsync(ending);
        try
        {
            await responses.WriteAsync(response, ending);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Asks, and waits for the answer.</summary>
    /// <exception cref="TimeoutException">None came in time, or earlier questions wait already.</exception>
    /// <exception cref="OperationCanceledException">The stream ended, or the caller gave up.</exception>
    public async Task<CallReport> AskAsync(CallQuestion question, TimeSpan patience, TimeProvider time, CancellationToken cancellationToken)
    {
        if (_pending.Count >= MaxPending)
        {
            throw new TimeoutException();
        }

        var asked = question.Clone();
        asked.Id = Interlocked.Increment(ref _lastId);
        var answer = new TaskCompletionSource<CallReport>(TaskCreationOptions.RunContinuationsAsynchronously);
        _pending[asked.Id] = answer;
        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, ending);
            var sending = SendAsync(new JoinResponse { CallQuestion = asked });
            var first = await Task.WhenAny(sending, answer.Task).WaitAsync(patience, time, either.Token);
            await first;
            return await answer.Task.WaitAsync(patience, time, either.Token);
        }
        finally
        {
            _pending.TryRemove(asked.Id, out _);
        }
    }

    /// <summary>Takes an answer; one that nobody waits for is dropped.</summary>
    public void Take(CallReport report)
    {
        if (_pending.TryRemove(report.Id, out var answer))
        {
            answer.TrySetResult(report);
        }
    }

    public void Dispose() => _turn.Dispose();
}
