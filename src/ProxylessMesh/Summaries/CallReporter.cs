using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Snapshots;
using ProxylessMesh.Xds.Client;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Summaries;

/// <summary>Answers the control plane's question about the calls of the last minutes. What it tells is about this process alone.</summary>
internal sealed partial class CallReporter(CallSummaries calls, InboundPorts ports, ILogger<CallReporter> logger)
{
    // An answer stays far below what a gRPC message may be.
    private const int MaxCalls = 2048;

    public CallReport Answer(CallQuestion question)
    {
        if (!calls.IsOn)
        {
            return new CallReport { Id = question.Id, Error = "This workload keeps no record of calls: its Mesh:Inbound:CallSummaryWindow is 0." };
        }

        if (!TryRead(question, out var proposals, out var error))
        {
            return new CallReport { Id = question.Id, Error = error };
        }

        try
        {
            return Report(question, proposals);
        }
#pragma warning disable CA1031 // The stream that this is asked on is the workload's lease: no question may end it.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            LogFailed(exception);
            return new CallReport { Id = question.Id, Error = $"This workload failed to answer: {exception.Message}" };
        }
    }

    private CallReport Report(CallQuestion question, Dictionary<uint, PolicyProposal> proposals)
    {
        var window = question.Window?.ToTimeSpan() ?? TimeSpan.MaxValue;
        var found = calls.Within(window).Where(call => !question.PlaintextOnly || !call.Key.IsTls).OrderByDescending(static call => call.Count).ToList();
        var report = new CallReport
        {
            Id = question.Id,
            Recorded = calls.Recorded.ToDuration(),
            LeftOut = (ulong)(calls.Unrecorded(window) + found.Skip(MaxCalls).Sum(static call => call.Count)),
        };
        report.Calls.AddRange(found.Take(MaxCalls).Select(call => Summary(call.Key, call.Entry, call.Count, proposals)));
        return report;
    }

    private static bool TryRead(CallQuestion question, out Dictionary<uint, PolicyProposal> proposals, out string error)
    {
        proposals = [];
        error = "";
        foreach (var proposal in question.Proposals)
        {
            // The bytes go the way that a push goes.
            var decoded = ResourceType.Listeners.Decode(proposal.Listener, certificateProviders: null);
            if (decoded.Config is not ListenerConfig { Address: not null } listener)
            {
                error = $"This workload would refuse the policy: {decoded.Error ?? "it is no listener of a server."}";
                return false;
            }

            proposals[proposal.Port] = new PolicyProposal(listener, [.. proposal.ChangedPolicies]);
        }

        return true;
    }

    private CallSummary Summary(CallKey key, CallEntry entry, long count, Dictionary<uint, PolicyProposal> proposals)
    {
        var port = ports.Find(key.Port);
        var summary = new CallSummary
        {
            Caller = key.Caller ?? "",
            Address = (key.Address ?? entry.RemoteAddress)?.ToString() ?? "",
            MeshTls = key.IsTls,
            Method = key.Method ?? "",
            Path = key.Path ?? "",
            Endpoint = key.Endpoint ?? "",
            Host = key.Host ?? "",
            Port = (uint)(port?.Advertised ?? key.Port),
            Outcome = key.Outcome switch
            {
                CallOutcome.Allowed => CallSummary.Types.Outcome.Allowed,
                CallOutcome.Denied => CallSummary.Types.Outcome.Denied,
                _ => CallSummary.Types.Outcome.Probe,
            },
            Policy = key.Policy ?? "",
            Count = (ulong)count,
            FirstSeen = entry.FirstSeen.ToTimestamp(),
            LastSeen = calls.TimeOf(entry.LastMinute).ToTimestamp(),
        };
        if (port is not null && proposals.TryGetValue(summary.Port, out var proposal))
        {
            Judge(summary, key, entry, port.Current, proposal);
        }

        return summary;
    }

    private static void Judge(CallSummary summary, CallKey key, CallEntry entry, InboundSnapshot current, PolicyProposal proposal)
    {
        // What happened says something of today's policies only where it was they that decided.
        var isOfToday = key.Revision == current.Revision;
        var verdict = proposal.Judge(key, entry, isOfToday);
        summary.Verdict = verdict.Answer;
        summary.VerdictPolicy = verdict.Policy ?? "";
        summary.Missing = verdict.Missing ?? "";
        summary.Before = isOfToday || current.Config is not { } config
            ? key.Outcome == CallOutcome.Denied ? CallSummary.Types.Verdict.Denied : CallSummary.Types.Verdict.Allowed
            : new PolicyProposal(config.Listener, []).Judge(key, entry, isOfToday).Answer;
    }

    [LoggerMessage(4045, LogLevel.Error, "A question of the control plane about recent calls could not be answered. This is a fault of ProxylessMesh: please report it.")]
    private partial void LogFailed(Exception exception);
}
