using System.Collections.Frozen;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Envoy.Config.Listener.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Admission;
using ProxylessMesh.Authentication;
using ProxylessMesh.Authorization;
using ProxylessMesh.ControlPlane.Translation;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Jwt;
using ProxylessMesh.Manifests;
using ProxylessMesh.Rbac;
using ProxylessMesh.Snapshots;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Client;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Tool.Checks;

/// <summary>
/// <c>mesh check authz</c>: whether a workload (<c>workload</c>) lets a call in (<c>request</c>) by the policies in <c>policies</c>: the
/// control plane's listener, decoded, compiled and asked as a server does it.
/// </summary>
internal static class AuthzCheck
{
    // What a server of ours has where its listener names certificates.
    private static readonly FrozenSet<string> Providers = FrozenSet.ToFrozenSet(["default"], StringComparer.Ordinal);

    public static JsonObject Answer(JsonElement testCase)
    {
        var policies = new CasePolicies(testCase);
        var workload = policies.Workload(testCase);
        var request = testCase.Required("request");
        var source = request.Required("source");
        var isTls = source.TryGetProperty("mtls", out var mtls) && mtls.ValueKind == JsonValueKind.True;
        var port = request.Required("destinationPort").GetInt32();
        var manifests = Proxied(policies.Manifests, request);
        var isTcp = request.OptionalText("protocol") == "tcp";

        using var pool = new AdmissionPool(TimeProvider.System);
        var snapshot = new InboundCompiler(pool, TimeProvider.System).Compile(Inbound(manifests, workload, port, isTcp));
        if ((isTls ? snapshot.Tls : snapshot.Plaintext) is not { } chain)
        {
            return Verdict(false, "PeerAuthentication", isTls ? "the port takes no mesh TLS" : "the port takes mesh TLS only");
        }

        var context = Context(request);
        if (!isTcp && !RequestPath.Prepare(context, chain.Paths))
        {
            return Verdict(false, null, "the path can be read in two ways");
        }

        var peer = isTls ? policies.Principal(source) : null;
        var ip = request.OptionalText("destinationIp") ?? testCase.Required("workload").OptionalText("ip");
        var input = new RbacInput(context.Request, new MeshPeer(
            null, new IPEndPoint(IPAddress.Parse(source.Text("ip")), 40000), new IPEndPoint(ip is null ? IPAddress.None : IPAddress.Parse(ip), port), request.OptionalText("sni")), chain.TrustedHops)
        { PeerId = peer };
        if (chain.Find(input) is not { Engine: { } engine } route)
        {
            return Verdict(false, null, "no route takes the call");
        }

        if (!isTcp && route.Jwt?.Authenticate(context, input) is { Outcome: JwtOutcome.Refused } refused)
        {
            return Verdict(false, "RequestAuthentication", refused.Failure.ToString());
        }

        var decision = engine.Decide(input);
        return Verdict(decision.Allowed, decision.Policy, decision.Policy is not null ? "the rule matches" : decision.Allowed ? "no policy keeps it out" : "no ALLOW policy matches");
    }

    private static JsonObject Verdict(bool allowed, string? policy, string reason)
    {
        var answer = new JsonObject { ["decision"] = allowed ? "allow" : "deny" };
        if (policy is not null)
        {
            answer["policy"] = policy;
        }

        answer["reason"] = reason;
        return answer;
    }

    private static InboundConfig Inbound(ManifestSet manifests, Workload workload, int port, bool isTcp)
    {
        var name = $"{InboundName.MeshPrefix}0.0.0.0:{port}";
        _ = InboundName.TryParse(name, out var parsed);
        var listener = InboundTranslator.Translate(manifests, workload, name, parsed!);
        if (isTcp)
        {
            WithoutHttp(listener, manifests, workload);
        }

        var decoded = ResourceType.Listeners.Decode(listener.ToByteString(), Providers);
        return decoded.Config is ListenerConfig config ? new InboundConfig { Name = name, Listener = config } : throw new FormatException(decoded.Error);
    }

    // The filters of a connection that carries no HTTP, in the listener's chains: this mesh has no such ports, and Istio says what its
    // policies would mean there.
    private static void WithoutHttp(Listener listener, ManifestSet manifests, Workload workload)
    {
        foreach (var chain in listener.FilterChains)
        {
            var http = chain.Filters[0].TypedConfig.Unpack<HttpConnectionManager>();
            http.HttpFilters.Clear();
            http.HttpFilters.Add(AuthorizationTranslator.Filters(manifests, workload, RuleAudience.Tcp));
            http.HttpFilters.Add(ListenerTranslator.Router);
            chain.Filters[0].TypedConfig = Google.Protobuf.WellKnownTypes.Any.Pack(http);
        }
    }

    // The address that a proxy before the mesh has told: a case that gives it has such a proxy.
    private static ManifestSet Proxied(ManifestSet manifests, JsonElement request)
        => request.OptionalText("remoteIp") is null || manifests.MeshConfig.TrustedProxies > 0
            ? manifests
            : new ManifestSet([.. manifests.All.Where(manifest => manifest != manifests.MeshConfig), manifests.MeshConfig with { TrustedProxies = 1 }]);

    private static DefaultHttpContext Context(JsonElement request)
    {
        var context = new DefaultHttpContext();
        var target = request.OptionalText("path") ?? "/";
        var query = target.IndexOf('?', StringComparison.Ordinal);
        context.Request.Method = request.OptionalText("method") ?? "";
        context.Request.Path = KestrelPath.Decode(query < 0 ? target : target[..query]);
        context.Request.QueryString = query < 0 ? default : new QueryString(target[query..]);
        context.Request.Headers.Host = request.OptionalText("host") ?? "";
        if (request.TryGetProperty("headers", out var headers) && headers.ValueKind == JsonValueKind.Object)
        {
            foreach (var header in headers.EnumerateObject())
            {
                context.Request.Headers[header.Name] = header.Value.ValueKind == JsonValueKind.Array ? header.Value.EnumerateArray().Select(static value => value.GetString()).ToArray() : header.Value.GetString();
            }
        }

        return context;
    }
}
