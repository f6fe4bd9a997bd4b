using System.Collections.Immutable;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Envoy.Config.Rbac.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.AspNetCore.Http;
using ProxylessMesh.Authentication;
using ProxylessMesh.Rbac;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Tool.Checks;

/// <summary>
/// <c>mesh check rbac</c>: whether a chain of <c>envoy.config.rbac.v3.RBAC</c> (<c>rbac[].b64</c>) can decide calls, and what it decides of
/// one (<c>request</c>, a gRPC call). Every rule set of the chain decides, so LOG is refused here.
/// </summary>
internal static class RbacCheck
{
    public static JsonObject Answer(JsonElement testCase)
    {
        var errors = new DecodeErrors();
        var filters = testCase.Required("rbac").EnumerateArray()
            .Select(rbac => RBAC.Parser.ParseFrom(ByteString.FromBase64(rbac.Text("b64"))))
            .Select((rbac, index) => Decode(rbac, index, errors)).ToImmutableArray();
        if (!errors.IsEmpty)
        {
            return new JsonObject { ["accepted"] = false, ["error"] = errors.ToString() };
        }

        if (!testCase.TryGetProperty("request", out var request) || request.ValueKind != JsonValueKind.Object)
        {
            return new JsonObject { ["accepted"] = true };
        }

        var decision = RbacCompiler.Compile(filters).Decide(Input(request));
        return new JsonObject { ["code"] = decision.Allowed ? "OK" : "PermissionDenied", ["policy"] = decision.Policy };
    }

    private static RbacFilterConfig Decode(RBAC wire, int index, DecodeErrors errors)
    {
        using (errors.In("rbac", index))
        {
            if (wire.Action == RBAC.Types.Action.Log)
            {
                errors.Add("action", "LOG", "decides nothing");
            }

            return new RbacFilterConfig($"rbac-{index}", RbacDecoder.Decode(wire, errors, IsOfGrpcsSuite), ShadowRules: null);
        }
    }

    // gRPC's own tests register loggers for themselves (gRFC A59: custom ones are known by the name at the end of their type).
    private static bool IsOfGrpcsSuite(Any config) => config.Value.ToStringUtf8().Contains("_TestAuditLogger", StringComparison.Ordinal);

    // A41: the method is POST, the path the full method, and a peer without names has the empty one.
    private static RbacInput Input(JsonElement request)
    {
        var context = new DefaultHttpContext();
        context.Request.Method = "POST";
        if (request.TryGetProperty("metadata", out var metadata) && metadata.ValueKind == JsonValueKind.Object)
        {
            foreach (var header in metadata.EnumerateObject())
            {
                context.Request.Headers[header.Name] = header.Value.ValueKind == JsonValueKind.Array ? header.Value.EnumerateArray().Select(static value => value.GetString()).ToArray() : header.Value.GetString();
            }
        }

        var peer = new MeshPeer(null, new IPEndPoint(IPAddress.Parse(request.Text("peerIp")), 40000), new IPEndPoint(IPAddress.Loopback, 443));
        return new RbacInput(context.Request, peer) { OtherPath = request.OptionalText("fullMethod") ?? "", PeerId = PeerName(request) };
    }

    private static string? PeerName(JsonElement request)
        => !request.TryGetProperty("tls", out var tls) || tls.ValueKind != JsonValueKind.True ? null
            : request.TryGetProperty("peerCertificate", out var certificate) && certificate.ValueKind == JsonValueKind.Object && certificate.TryGetProperty("uriSans", out var names) && names.GetArrayLength() > 0
                ? names[0].GetString()
                : "";
}
