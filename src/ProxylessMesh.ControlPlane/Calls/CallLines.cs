using System.Collections.Immutable;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using ProxylessMesh.Protos.V1;
using Outcome = ProxylessMesh.Protos.V1.CallSummary.Types.Outcome;
using Verdict = ProxylessMesh.Protos.V1.CallSummary.Types.Verdict;

namespace ProxylessMesh.ControlPlane.Calls;

/// <summary>Calls of many workloads, put together by service. Bounded.</summary>
internal sealed class CallLines
{
    private const int MaxLines = 10_000;

    private readonly Dictionary<CallLineKey, CallLine> _lines = [];

    public ImmutableArray<CallLine> All => [.. _lines.Values.OrderByDescending(static line => line.Count)];

    /// <summary>Calls that found no room.</summary>
    public ulong LeftOut { get; private set; }

    public void Add(Workload workload, CallSummary call, CallerNames callers)
    {
        var key = CallLineKey.Of(workload, call, callers);
        if (!_lines.TryGetValue(key, out var line))
        {
            if (_lines.Count >= MaxLines)
            {
                LeftOut += call.Count;
                return;
            }

            _lines.Add(key, line = new CallLine(key));
        }

        line.Add(call);
    }
}

/// <summary>What makes the calls of a line alike.</summary>
internal sealed record CallLineKey(
    string Destination,
    int Port,
    string Caller,
    string CallerName,
    bool MeshTls,
    string Method,
    string Path,
    string Endpoint,
    string Host,
    Outcome Outcome,
    Verdict Before,
    Verdict Verdict,
    string Policy,
    string Missing)
{
    public static CallLineKey Of(Workload workload, CallSummary call, CallerNames callers) => new(
        HostNames.Full(workload.Service, workload.Namespace),
        (int)call.Port,
        call.Caller.Length > 0 ? call.Caller : call.Address,
        callers.Find(call),
        call.MeshTls,
        WorkloadReports.Shown(call.Method),
        WorkloadReports.Shown(call.Path),
        WorkloadReports.Shown(call.Endpoint),
        WorkloadReports.Shown(call.Host),
        call.Outcome,
        call.Before,
        call.Verdict,
        WorkloadReports.Shown(call.Verdict == Verdict.Unspecified ? call.Policy : call.VerdictPolicy),
        WorkloadReports.Shown(call.Missing));
}

/// <summary>How often and when.</summary>
internal sealed class CallLine(CallLineKey key)
{
    public CallLineKey Key { get; } = key;

    public ulong Count { get; private set; }

    public DateTimeOffset FirstSeen { get; private set; } = DateTimeOffset.MaxValue;

    public DateTimeOffset LastSeen { get; private set; } = DateTimeOffset.MinValue;

    public void Add(CallSummary call)
    {
        Count += call.Count;
        var (first, last) = (call.FirstSeen?.ToDateTimeOffset() ?? DateTimeOffset.MinValue, call.LastSeen?.ToDateTimeOffset() ?? DateTimeOffset.MinValue);
        FirstSeen = first < FirstSeen ? first : FirstSeen;
        LastSeen = last > LastSeen ? last : LastSeen;
    }
}
