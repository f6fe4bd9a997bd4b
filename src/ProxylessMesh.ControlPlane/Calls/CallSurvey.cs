using System.Collections.Concurrent;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Protos.V1;

namespace ProxylessMesh.ControlPlane.Calls;

/// <summary>Asks many workloads about their calls at once. Who does not answer well is named, and nobody waits for them long.</summary>
internal sealed class CallSurvey(WorkloadConversations conversations, TimeProvider time)
{
    /// <summary>What a workload announces that can be asked.</summary>
    public const string Feature = "call-summaries";

    private const int AtOnce = 64;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    // The whole survey ends before the operator's request does.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    /// <summary>Puts each workload its question.</summary>
    /// <param name="questions">Whom to ask what.</param>
    /// <param name="take">Takes one good answer; never called twice at once.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Who did not answer, and why.</returns>
    public async Task<IReadOnlyList<(Workload Workload, string Reason)>> RunAsync(IEnumerable<(Workload Workload, CallQuestion Question)> questions, Action<Workload, CallReport> take, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(Limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var silent = new ConcurrentBag<(Workload, string)>();
        var taking = new Lock();
        await Parallel.ForEachAsync(questions, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken }, async (one, _) =>
        {
            var (report, reason) = await AskAsync(one.Workload, one.Question, either.Token);
            cancellationToken.ThrowIfCancellationRequested();
            if (report is null)
            {
                silent.Add((one.Workload, reason));
                return;
            }

            lock (taking)
            {
                take(one.Workload, report);
            }
        });
        return [.. silent.OrderBy(static one => one.Item1.InstanceId, StringComparer.Ordinal)];
    }

    private async Task<(CallReport? Report, string Reason)> AskAsync(Workload workload, CallQuestion question, CancellationToken cancellationToken)
    {
        if (!workload.Features.Contains(Feature))
        {
            return (null, "Its version keeps no record of calls.");
        }

        if (conversations.Find(workload) is not { } conversation)
        {
            return (null, "Its stream is broken; it may be back soon.");
        }

        try
        {
            var report = await conversation.AskAsync(question, Patience, time, cancellationToken);
            return WorkloadReports.Check(report, workload) is { } problem ? (null, problem) : (report, "");
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException or IOException or InvalidOperationException or Grpc.Core.RpcException)
        {
            return (null, "It did not answer in time.");
        }
    }
}
