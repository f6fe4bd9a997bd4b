using ProxylessMesh.Client.Clusters;
using ProxylessMesh.Client.Resilience;
using ProxylessMesh.Client.Routing;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Outbound;

/// <summary>
/// What one call takes from the extras of its route (hash, session, rewrites, mirrors): decided before its first attempt and kept to its
/// end. Routes without extras make none.
/// </summary>
internal sealed class CallPlan
{
    private readonly RouteRule _rule;
    private readonly SessionPin? _session;
    private readonly string? _madeCookie;
    private readonly bool _answersSession;
    private ResponseFault? _responseFault;
    private bool _bodyIsIdleLimited;

    private CallPlan(RouteRule rule, RouteTarget target, ulong? hash, SessionPin? session, string? madeCookie, bool answersSession)
    {
        _rule = rule;
        Target = target;
        Hash = hash;
        _session = session;
        _madeCookie = madeCookie;
        _answersSession = answersSession;
    }

    public RouteTarget Target { get; }

    public ulong? Hash { get; }

    /// <summary>The address that the call's session lives at; null: none.</summary>
    public string? Session => _session?.Address;

    /// <summary>The longest silence of the call; null: no limit.</summary>
    public IdleLimit? Idle { get; private set; }

    /// <summary>The address to send to where a rewrite changed its path; null: as called.</summary>
    public Uri? Uri { get; private set; }

    /// <summary>Chooses the side of the split: the one where the call's session lives (gRFC A60), else by hash or by chance.</summary>
    public static CallPlan Make(RouteRule rule, HttpRequestMessage request, Uri uri, string authority)
    {
        string? madeCookie = null;
        var hash = rule.Hash?.Compute(request, uri, authority, out madeCookie);
        var path = uri.AbsolutePath;
        foreach (var side in rule.Clusters!.Targets)
        {
            if (side.Session?.Read(request, path) is { } pin && pin.Cluster == side.Name)
            {
                return new CallPlan(rule, side, hash, pin, madeCookie, answersSession: true);
            }
        }

        var target = rule.Clusters.Pick(rule.SplitByHash ? hash : null);
        var session = target.Session?.Read(request, path) is { Cluster: null } known ? known : default(SessionPin?);
        return new CallPlan(rule, target, hash, session, madeCookie, target.Session?.Covers(path) == true);
    }

    /// <summary>Where an attempt shall go: a retry goes elsewhere, unless the session may not move (Envoy).</summary>
    public string? SessionOf(bool isRetry) => isRetry && Target.Session is not { IsStrict: true } ? null : Session;

    /// <summary>Draws what a fault does to the answer. Like all of faults before the route changes the call (Envoy's order of filters).</summary>
    public void DrawFault(FaultConfig fault, WireRequest wire, FaultInjector faults) => _responseFault = faults.DrawResponse(fault, wire.Input);

    /// <summary>Carries out the rewrites, after the header changes of the route, and sends the mirrors on their way.</summary>
    public void Prepare(WireRequest wire, CallServices services, CancellationToken call)
    {
        if (_rule.IdleTimeout is { } silence)
        {
            Idle = new IdleLimit(silence, services.Time, call);
            if (wire.Request.Content is RecordingContent body)
            {
                body.Written += Idle.Touch;
            }
        }

        if (Target.PathRewrite is { } path)
        {
            var called = wire.Request.RequestUri!;
            wire.Headers.Set(wire.Request, "x-envoy-original-path", called.PathAndQuery);
            Uri = new Uri($"{called.Scheme}://{wire.Host.Authority}{path.Apply(called)}");
            wire.Request.RequestUri = Uri;
        }

        if (Target.HostRewrite?.Literal is { } host)
        {
            RewriteHost(wire, host);
        }

        foreach (var mirror in _rule.Mirrors)
        {
            if (mirror.Fraction.Matches())
            {
                services.Mirrors.Start(wire, mirror, wire.IsGrpc ? _rule.GrpcTimeout : _rule.HttpTimeout, services.RetryBufferBytes);
            }
        }
    }

    /// <summary>For each attempt: the authority is the endpoint's own, where the route says so (gRFC A81).</summary>
    public void AddressTo(WireRequest wire, ClusterEndpoint endpoint)
    {
        if (Target.HostRewrite is { Literal: null } && endpoint.Hostname.Length > 0)
        {
            RewriteHost(wire, endpoint.Hostname);
        }
    }

    /// <summary>The picked endpoint may take the call: a strict session stays where it is.</summary>
    public bool Accepts(ClusterEndpoint endpoint)
        => _session is not { } session || Target.Session is not { IsStrict: true } || endpoint.Name == session.Address;

    /// <summary>Adds to the answer what the caller must send next time.</summary>
    public void Answered(HttpResponseMessage response, ClusterEndpoint endpoint)
    {
        if (_madeCookie is not null)
        {
            response.Headers.TryAddWithoutValidation("Set-Cookie", _madeCookie);
        }

        if (_answersSession)
        {
            Target.Session!.Write(response, _session, endpoint.Name, Target.Name);
        }
    }

    /// <summary>Puts what the answer's body must obey around it: the idle timeout, and a fault that was drawn.</summary>
    public void WrapBody(HttpResponseMessage response)
    {
        if (Idle is { } idle)
        {
            idle.Touch();
            response.Content = new IdleContent(response.Content, idle, Target.Name);
            _bodyIsIdleLimited = true;
        }

        if (Interlocked.Exchange(ref _responseFault, null) is { } fault)
        {
            response.Content = new FaultedContent(response.Content, fault);
        }
    }

    /// <summary>The answer is there or never comes: what found no body is given back.</summary>
    public void End()
    {
        Interlocked.Exchange(ref _responseFault, null)?.Release();
        if (!_bodyIsIdleLimited)
        {
            Idle?.Dispose();
        }
    }

    private static void RewriteHost(WireRequest wire, string host)
    {
        if (!wire.Request.Headers.NonValidated.Contains("x-envoy-original-host"))
        {
            wire.Headers.Set(wire.Request, "x-envoy-original-host", wire.Request.Headers.Host ?? wire.Host.Authority);
        }

        wire.Headers.Set(wire.Request, "Host", host);
    }
}
