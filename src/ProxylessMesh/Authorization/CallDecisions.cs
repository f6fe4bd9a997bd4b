using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Authentication;
using ProxylessMesh.Rbac;
using ProxylessMesh.Snapshots;
using ProxylessMesh.Summaries;
using ProxylessMesh.Telemetry;

namespace ProxylessMesh.Authorization;

/// <summary>
/// Tells operators how calls were decided: counted, tagged on the trace, every denial as an event, allowed calls as samples. The caller
/// hears nothing of it. The name of a policy holds its namespace, its name and the index of the rule.
/// </summary>
/// <remarks>
/// Events about the same caller and policy come once a minute with the number that was left out: whoever is denied a million times
/// does not fill the log. What callers wrote is escaped and bounded.
/// </remarks>
internal sealed partial class CallDecisions(CallSummaries calls, InboundMeter meter, double allowedLogRate, TimeProvider time, ILogger logger)
{
    private const int MaxLoggedPath = 256;

    private readonly LogThrottle _throttle = new(time);

    /// <summary>A call that policy keeps out.</summary>
    public void Deny(HttpContext context, MeshPeer peer, InboundSnapshot snapshot, RbacDecision decision)
    {
        meter.Decided("denied", decision.Policy);
        Tag("denied", decision.Policy);
        if (calls.IsOn)
        {
            calls.Record(CallSummaries.Describe(context.Request, peer, snapshot, CallOutcome.Denied, decision.Policy), peer);
        }

        if (_throttle.TryEnter(peer.IdText ?? (object?)peer.RemoteAddress, decision.Policy ?? "", out var suppressed))
        {
            LogDenied(context.Request.Method, Shown(context.Request.Path), peer, decision.Policy ?? "no ALLOW policy matches", suppressed);
        }
    }

    /// <summary>A call that goes on. Nothing waits for its end: no state is kept for it.</summary>
    /// <param name="next">The rest of the pipeline.</param>
    /// <param name="context">The call.</param>
    /// <param name="peer">Its caller.</param>
    /// <param name="snapshot">Whose policy decided.</param>
    /// <param name="decision">What let it in.</param>
    /// <param name="isProbe">It is let in as a probe, whatever the policy.</param>
    public Task AllowAsync(RequestDelegate next, HttpContext context, MeshPeer peer, InboundSnapshot snapshot, RbacDecision decision, bool isProbe)
    {
        meter.Decided("allowed", decision.Policy);
        Tag("allowed", decision.Policy);
        return calls.IsOn || allowedLogRate > 0
            ? CountAsync(next, context, peer, CallSummaries.Describe(context.Request, peer, snapshot, isProbe ? CallOutcome.Probe : CallOutcome.Allowed, decision.Policy))
            : next(context);
    }

    /// <summary>What AUDIT policies and audit loggers (gRFC A59) ask for: an event, whatever was decided.</summary>
    public void Audit(HttpContext context, MeshPeer peer, string outcome, string? policy)
    {
        if (_throttle.TryEnter(peer.IdText ?? (object?)peer.RemoteAddress, policy is null ? outcome : $"{outcome} {policy}", out var suppressed))
        {
            LogAudited(outcome, context.Request.Method, Shown(context.Request.Path), peer, policy ?? "none asks", suppressed);
        }
    }

    // After the application has begun: then its routing has said which endpoint it is.
    private Task CountAsync(RequestDelegate next, HttpContext context, MeshPeer peer, in CallKey call)
    {
        try
        {
            return next(context);
        }
        finally
        {
            if (calls.IsOn)
            {
                calls.Record(call, context, peer);
            }

            if (allowedLogRate > 0 && Random.Shared.NextDouble() < allowedLogRate)
            {
                LogAllowed(call.Method, (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? Shown(new PathString(call.Path is ['/', ..] ? call.Path : "/")), peer, call.Policy ?? "none asks");
            }
        }
    }

    private static void Tag(string outcome, string? policy)
    {
        if (Activity.Current is { IsAllDataRequested: true } activity)
        {
            activity.SetTag("mesh.decision", outcome);
            activity.SetTag("mesh.policy", policy ?? "none");
        }
    }

    // Escaped: what a caller sends must not make lines of its own in the log.
    private static string Shown(PathString path)
    {
        var text = path.ToUriComponent();
        return text.Length <= MaxLoggedPath ? text : string.Concat(text.AsSpan(0, MaxLoggedPath), "…");
    }

    [LoggerMessage(4020, LogLevel.Warning, "Denied {Method} {Path} for {Peer}, by policy: {Policy}. Left out since the last such line: {Suppressed}.")]
    private partial void LogDenied(string method, string? path, MeshPeer peer, string policy, long suppressed);

    [LoggerMessage(4023, LogLevel.Information, "Allowed {Method} {Endpoint} for {Peer}, by policy: {Policy}. One of many: Mesh:Inbound:AllowedCallLogRate.")]
    private partial void LogAllowed(string? method, string endpoint, MeshPeer peer, string policy);

    [LoggerMessage(4027, LogLevel.Information, "Audit ({Outcome}): {Method} {Path} for {Peer}, by policy: {Policy}. Left out since the last such line: {Suppressed}.")]
    private partial void LogAudited(string outcome, string method, string? path, MeshPeer peer, string policy, long suppressed);
}
