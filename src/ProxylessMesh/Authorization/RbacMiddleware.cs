using System.Collections.Frozen;
using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ProxylessMesh.Authentication;
using ProxylessMesh.External;
using ProxylessMesh.Rbac;
using ProxylessMesh.Snapshots;
using ProxylessMesh.Summaries;
using ProxylessMesh.Telemetry;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Authorization;

/// <summary>Asks the port's policy before the application. What is denied never reaches it.</summary>
/// <remarks>
/// A request that came over the network but not through a mesh endpoint is refused: somebody took the mesh off the endpoint without
/// listing its port in <c>Mesh:Inbound:PlaintextPorts</c>. A request that came from no network (a test server, a Unix socket) passes.
/// </remarks>
internal sealed partial class RbacMiddleware
{
    private static readonly RbacDecision Probe = new(Allowed: true, "probe");

    private readonly RequestDelegate _next;
    private readonly FrozenSet<int> _plaintextPorts;
    private readonly ProbePaths _probes;
    private readonly InboundMeter _meter;
    private readonly CallDecisions _decisions;
    private readonly TokenChecks _tokens;
    private readonly AuthorizerChecks _authorizers;
    private readonly LogThrottle _throttle;
    private readonly ILogger _logger;

    public RbacMiddleware(RequestDelegate next, IOptions<MeshOptions> options, ProbePaths probes, InboundMeter meter, CallSummaries calls, Authorizer authorizer, TimeProvider time, ILogger<RbacMiddleware> logger)
    {
        _next = next;
        _plaintextPorts = options.Value.Inbound.PlaintextPorts.ToFrozenSet();
        _probes = probes;
        _meter = meter;
        _decisions = new CallDecisions(calls, meter, options.Value.Inbound.AllowedCallLogRate, time, logger);
        _tokens = new TokenChecks(meter, time, logger);
        _authorizers = new AuthorizerChecks(authorizer, meter, time, logger);
        _throttle = new LogThrottle(time);
        _logger = logger;
    }

    public Task InvokeAsync(HttpContext context)
    {
        var features = context.Features;
        if (features.Get<IMeshPeerFeature>() is not MeshPeer peer || features.Get<InboundPort>() is not { } port)
        {
            return InvokeOutsideAsync(context);
        }

        // Read once: one request, one policy, whatever is pushed meanwhile.
        var snapshot = port.Current;
        if (_probes.Contains(context.Request))
        {
            return _decisions.AllowAsync(_next, context, peer, snapshot, Probe, isProbe: true);
        }

        if (!snapshot.HasPolicy)
        {
            return RefuseAsync(context, peer, "no_policy", RefusalResponse.NoPolicyYet);
        }

        if (!peer.IsTrusted)
        {
            return RefuseAsync(context, peer, "outdated", RefusalResponse.PeerOutdated);
        }

        var chain = peer.Id is null ? snapshot.Plaintext : snapshot.Tls;
        if (chain is null)
        {
            // The mode changed under an open connection.
            return RefuseAsync(context, peer, "transport", RefusalResponse.PlaintextRefused);
        }

        if (!RequestPath.Prepare(context, chain.Paths))
        {
            return RefuseAsync(context, peer, "ambiguous_path", RefusalResponse.AmbiguousPath);
        }

        var input = new RbacInput(context.Request, peer, chain.TrustedHops);
        if (chain.Find(input) is not { Engine: not null } route)
        {
            return RefuseAsync(context, peer, "no_route", RefusalResponse.NoRoute);
        }

        // Before authorization: a browser sends preflights without credentials, and none of them reaches the application.
        if (route.Cors?.Apply(context) is { } preflight)
        {
            return preflight;
        }

        if (route.Jwt is { } jwt && _tokens.Refuse(context, peer, jwt, input) is { } refusal)
        {
            return refusal;
        }

        return route.External?.Asked(context, input) is { IsEmpty: false } asked
            ? AskAsync(context, peer, snapshot, route, input, asked)
            : DecideAsync(context, peer, snapshot, route, input);
    }

    // CUSTOM comes before DENY and ALLOW.
    private async Task AskAsync(HttpContext context, MeshPeer peer, InboundSnapshot snapshot, InboundRoute route, RbacInput input, ImmutableArray<ExtAuthzConfig> asked)
    {
        if (await _authorizers.PassAsync(context, peer, asked))
        {
            await DecideAsync(context, peer, snapshot, route, input);
        }
        else
        {
            _meter.Decided("denied", "ext_authz");
        }
    }

    private Task DecideAsync(HttpContext context, MeshPeer peer, InboundSnapshot snapshot, InboundRoute route, in RbacInput input)
    {
        var engine = route.Engine!;
        if (engine.HasShadow)
        {
            var shadow = engine.DecideShadow(input);
            _meter.Decided(shadow.Allowed ? "shadow_allowed" : "shadow_denied", shadow.Policy);
        }

        if (engine.Audited(input) is { } audited)
        {
            _meter.Decided("audited", audited);
            _decisions.Audit(context, peer, "audited", audited);
        }

        var decision = engine.Decide(input);
        if (decision.Allowed)
        {
            if (decision.IsAudited)
            {
                _decisions.Audit(context, peer, "allowed", decision.Policy);
            }

            if (route.Admission is not null)
            {
                context.Features.Set(route);
            }

            return _decisions.AllowAsync(_next, context, peer, snapshot, decision, isProbe: false);
        }

        _decisions.Deny(context, peer, snapshot, decision);
        return RefusalResponse.Denied.WriteAsync(context);
    }

    private Task InvokeOutsideAsync(HttpContext context)
    {
        var connection = context.Connection;
        if (connection.LocalIpAddress is null || _plaintextPorts.Contains(connection.LocalPort))
        {
            return _next(context);
        }

        _meter.Decided("refused", "not_mesh");
        if (_throttle.TryEnter(who: null, "not_mesh", out _))
        {
            LogNotMesh(connection.LocalPort);
        }

        return RefusalResponse.NotMesh.WriteAsync(context);
    }

    private Task RefuseAsync(HttpContext context, MeshPeer peer, string reason, RefusalResponse response)
    {
        _meter.Decided("refused", reason);
        if (_throttle.TryEnter(who: null, reason, out var suppressed))
        {
            LogRefused(peer, context.Request.Method, context.Request.Path.ToUriComponent(), peer.LocalPort, reason, suppressed);
        }

        return response.WriteAsync(context);
    }

    [LoggerMessage(4021, LogLevel.Warning, "Refused {Method} {Path} of {Peer} on port {Port}: {Reason}. Calls are refused until the port's policy comes from the control plane and allows this kind of connection ('mesh status'). Left out since the last such line: {Suppressed}.")]
    private partial void LogRefused(MeshPeer peer, string method, string? path, int port, string reason, long suppressed);

    [LoggerMessage(4022, LogLevel.Error, "Port {Port} has no mesh TLS, so its calls are refused: the application replaced Kestrel's endpoint defaults. Call listen.UseMesh() there, or list the port in Mesh:Inbound:PlaintextPorts to leave it outside the mesh.")]
    private partial void LogNotMesh(int port);
}
