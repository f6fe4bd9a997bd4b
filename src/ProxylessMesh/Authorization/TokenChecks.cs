using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Authentication;
using ProxylessMesh.Jwt;
using ProxylessMesh.Rbac;
using ProxylessMesh.Telemetry;

namespace ProxylessMesh.Authorization;

/// <summary>
/// Has end-user tokens checked, counts what became of them, and answers for the application where one is refused: 401 with what RFC 6750
/// §3 asks for, or 403 where the token is for somebody else (as Envoy). What is wrong with a token is for the log; the token itself never is.
/// </summary>
internal sealed partial class TokenChecks(InboundMeter meter, TimeProvider time, ILogger logger)
{
    // Envoy's bound on the realm.
    private const int MaxRealmLength = 256;

    private readonly LogThrottle _throttle = new(time);
    private readonly ILogger _logger = logger;

    /// <summary>The answer to a request whose token is refused; null: the request goes on.</summary>
    public Task? Refuse(HttpContext context, MeshPeer peer, JwtAuthentication jwt, in RbacInput input)
    {
        var verdict = jwt.Authenticate(context, input);
        meter.Token(Outcome(verdict), verdict.Issuer);
        if (verdict.Outcome != JwtOutcome.Refused)
        {
            return null;
        }

        if (_throttle.TryEnter(peer.RemoteAddress, verdict.Issuer ?? "", out var suppressed))
        {
            LogRefused(context.Request.Method, context.Request.Path.ToUriComponent(), peer, verdict.Failure, verdict.Issuer ?? "a known issuer", suppressed);
        }

        return AnswerAsync(context, verdict.Failure, jwt.StripsFailureResponse);
    }

    private static string Outcome(in JwtVerdict verdict) => verdict.Outcome switch
    {
        JwtOutcome.NotAsked => "not_asked",
        JwtOutcome.Anonymous => "missing",
        JwtOutcome.Valid => "valid",
        _ => verdict.Failure.ToString(),
    };

    private static Task AnswerAsync(HttpContext context, JwtFailure failure, bool stripped)
    {
        if (failure == JwtFailure.AudienceNotAllowed)
        {
            return RefusalResponse.TokenForOthers.WriteAsync(context);
        }

        if (!stripped)
        {
            var challenge = $"Bearer realm=\"{Realm(context.Request)}\"";
            context.Response.Headers.WWWAuthenticate = failure == JwtFailure.Missing ? challenge : challenge + ", error=\"invalid_token\"";
        }

        return RefusalResponse.TokenRefused.WriteAsync(context);
    }

    private static string Realm(HttpRequest request)
    {
        // A quoted text (RFC 9110 §5.6.4).
        var realm = $"{request.Scheme}://{request.Host.ToUriComponent()}{request.Path.ToUriComponent()}".Replace("\"", "", StringComparison.Ordinal).Replace("\\", "", StringComparison.Ordinal);
        return realm.Length > MaxRealmLength ? realm[..MaxRealmLength] : realm;
    }

    [LoggerMessage(4024, LogLevel.Warning, "Refused {Method} {Path} of {Peer}: end-user token {Failure}, where one of {Issuer} is asked for. Left out since the last such line: {Suppressed}.")]
    private partial void LogRefused(string method, string? path, MeshPeer peer, JwtFailure failure, string issuer, long suppressed);
}
