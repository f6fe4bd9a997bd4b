using System.Collections.Immutable;
using Envoy.Service.Auth.V3;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Authentication;
using ProxylessMesh.External;
using ProxylessMesh.Telemetry;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Authorization;

/// <summary>
/// Has external authorizers asked, counts and logs what came of it, and answers for the application where one says no, or where none could
/// be asked and the provider does not fail open. The caller never hears why.
/// </summary>
internal sealed partial class AuthorizerChecks(Authorizer authorizer, InboundMeter meter, TimeProvider time, ILogger logger)
{
    private readonly LogThrottle _throttle = new(time);
    private readonly ILogger _logger = logger;

    /// <summary>Whether the request goes on; if not, it is answered.</summary>
    public async Task<bool> PassAsync(HttpContext context, MeshPeer peer, ImmutableArray<ExtAuthzConfig> asked)
    {
        foreach (var config in asked)
        {
            var verdict = await authorizer.AskAsync(context, peer, config);
            meter.AskedAuthorizer(config.Authority, verdict.Outcome switch
            {
                AuthorizerOutcome.Allowed => "allowed",
                AuthorizerOutcome.Denied => "denied",
                AuthorizerOutcome.BodyTooLarge => "body_too_large",
                _ => config.FailureModeAllow ? "failure_allowed" : "failure_denied",
            });
            if (verdict.Outcome == AuthorizerOutcome.Failed && _throttle.TryEnter(config.Authority, "failed", out var suppressed))
            {
                LogFailed(config.Authority, verdict.Reason, config.FailureModeAllow ? "let in" : "refused", suppressed);
            }

            if (verdict.Outcome == AuthorizerOutcome.Denied && _throttle.TryEnter(peer.RemoteAddress, config.Authority, out suppressed))
            {
                LogDenied(context.Request.Method, context.Request.Path.ToUriComponent(), peer, config.Authority, suppressed);
            }

            if (verdict.Outcome != AuthorizerOutcome.Allowed && !(verdict.Outcome == AuthorizerOutcome.Failed && config.FailureModeAllow))
            {
                await AnswerAsync(context, config, verdict);
                return false;
            }
        }

        return true;
    }

    private static Task AnswerAsync(HttpContext context, ExtAuthzConfig config, AuthorizerVerdict verdict) => verdict switch
    {
        { Outcome: AuthorizerOutcome.BodyTooLarge } => RefusalResponse.BodyTooLarge.WriteAsync(context),
        { Outcome: AuthorizerOutcome.Failed } => RefusalResponse.NotAuthorized(config.StatusOnError).WriteAsync(context),
        { Denied: { } denied } => AnswerAsync(context, denied),
        _ => RefusalResponse.Denied.WriteAsync(context),
    };

    // Headers that no answer may have are left out: the answer stays no.
    private static Task AnswerAsync(HttpContext context, DeniedHttpResponse denied)
    {
        var code = (int)(denied.Status?.Code ?? 0);
        var status = code is >= 200 and <= 599 and not (204 or 205 or 304) ? code : StatusCodes.Status403Forbidden;
        if (RefusalResponse.IsGrpc(context.Request))
        {
            return RefusalResponse.NotAuthorized(status).WriteAsync(context);
        }

        var response = context.Response;
        response.StatusCode = status;
        response.ContentType = "text/plain; charset=utf-8";
        foreach (var header in denied.Headers.Where(static header => Authorizer.AreValid([header])))
        {
            Authorizer.Write([header], response.Headers);
        }

        return response.WriteAsync(denied.Body);
    }

    [LoggerMessage(4025, LogLevel.Warning, "Authorizer {Authorizer} could not be asked: {Reason}. Its calls are {Consequence}. Check that it runs and that its AuthorizationPolicies let this workload in. Left out since the last such line: {Suppressed}.")]
    private partial void LogFailed(string authorizer, string reason, string consequence, long suppressed);

    [LoggerMessage(4026, LogLevel.Warning, "Denied {Method} {Path} for {Peer}, by authorizer {Authorizer}. Left out since the last such line: {Suppressed}.")]
    private partial void LogDenied(string method, string? path, MeshPeer peer, string authorizer, long suppressed);
}
