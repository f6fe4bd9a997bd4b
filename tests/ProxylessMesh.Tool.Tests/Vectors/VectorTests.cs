using System.Text.Json;
using System.Text.Json.Nodes;

namespace ProxylessMesh.Tool.Tests.Vectors;

/// <summary>What the test suites of Istio, Gateway API, gRPC and Envoy expect, asked through <c>mesh check</c>.</summary>
public sealed class VectorTests
{
    private static readonly HashSet<string> IstioKinds = ["VirtualService", "ServiceEntry", "WorkloadEntry", "Sidecar", "PeerAuthentication", "AuthorizationPolicy", "RequestAuthentication"];
    private static readonly string[] SpiffeFacts = ["spiffeId", "trustDomain", "path", "certificates", "authorities", "jwtAuthorities", "refreshHintSeconds", "sequence"];
    private static readonly HashSet<string> GatewayKinds = ["HTTPRoute", "GRPCRoute", "ReferenceGrant", "BackendTLSPolicy", "Service", "Namespace"];

    [Fact]
    public Task Matchers_match_as_in_gRPC_and_Istio()
        => VectorSuite.Load("matchers").CheckAsync("match", static (testCase, answer) => testCase.GetProperty("type").GetString() == "string-config"
            ? answer["accepted"]?.GetValue<bool>() == (testCase.GetProperty("expect").GetString() == "accept")
            : answer.AsObject().TryGetPropertyValue("result", out var result) && (result?.ToJsonString() ?? "null") == testCase.GetProperty("expect").GetRawText());

    [Fact]
    public Task Paths_are_normalized_as_in_Envoy()
        => VectorSuite.Load("envoy_paths").CheckAsync("path", static (testCase, answer) => answer.AsObject().TryGetPropertyValue("result", out var result)
            && (testCase.GetProperty("expect") is { ValueKind: JsonValueKind.String } text ? result?.GetValue<string>() == text.GetString() : (result?.ToJsonString() ?? "null") == testCase.GetProperty("expect").GetRawText()));

    // Where gRPC's implementations differ from each other, or the suite switches something on that is off everywhere else, nothing binds.
    [Fact]
    public Task Resources_are_taken_and_refused_as_by_all_gRPC_clients()
        => VectorSuite.Load("grpc_xds_accept")
            .Where(static testCase => testCase.TryGetProperty("consensus", out var consensus) && consensus.ValueKind == JsonValueKind.True
                && (!testCase.TryGetProperty("conditions", out var conditions) || conditions.ValueKind == JsonValueKind.Null))
            .CheckAsync("xds", static (testCase, answer) => answer["accepted"]?.GetValue<bool>() == (testCase.GetProperty("expect").GetString() == "ack"));

    // What it must have understood, where the suite says so: the first management server.
    [Fact]
    public Task Bootstraps_are_read_as_by_gRPC()
        => VectorSuite.Load("grpc_bootstrap").CheckAsync("bootstrap", static (testCase, answer) => answer["accepted"]?.GetValue<bool>() == (testCase.GetProperty("expect").GetProperty("verdict").GetString() == "accept")
            && (!testCase.GetProperty("expect").TryGetProperty("first_server", out var server) || new Uri(answer["server"]!.GetValue<string>()) is var understood && $"{understood.Host}:{understood.Port}" == server.GetProperty("server_uri").GetString()));

    // Verdict, and every fact that the suite gives beside it.
    [Fact]
    public Task Identities_and_bundles_are_read_as_by_go_spiffe()
        => VectorSuite.Load("spiffe").CheckAsync("spiffe", static (testCase, answer) => answer["accepted"]?.GetValue<bool>() == (testCase.GetProperty("expect").GetString() == "accept")
            && SpiffeFacts.All(fact => !testCase.TryGetProperty(fact, out var expected) || answer[fact]?.ToJsonString() == expected.GetRawText()));

    [Fact]
    public Task Istio_manifests_are_taken_and_refused_as_by_Istio() => ManifestsAsync("istio_validation", IstioKinds);

    [Fact]
    public Task Gateway_API_manifests_are_taken_and_refused_as_by_its_definitions() => ManifestsAsync("gwapi_validation", GatewayKinds);

    [Fact]
    public Task Modes_of_mutual_TLS_are_those_of_Istio()
        => VectorSuite.Load("istio_policy_selection")
            .Where(static testCase => testCase.GetProperty("type").GetString() == "peer-authentication")
            .CheckAsync("mtls", static (testCase, answer) => AreEqual(testCase, answer, "mode", "perPort"));

    [Fact]
    public Task Authorization_policies_are_selected_as_by_Istio()
        => VectorSuite.Load("istio_policy_selection")
            .Where(static testCase => testCase.GetProperty("type").GetString() == "authorization-policy-selection")
            .CheckAsync("selection", static (testCase, answer) => AreEqual(testCase, answer, "DENY", "ALLOW", "AUDIT", "CUSTOM"));

    [Fact]
    public Task Rules_of_RBAC_decide_as_in_gRPC()
        => VectorSuite.Load("grpc_rbac").CheckAsync("rbac", static (testCase, answer) => testCase.GetProperty("type").GetString() == "config"
            ? answer["accepted"]?.GetValue<bool>() == (testCase.GetProperty("expect").GetString() == "accept")
            : answer["code"]?.GetValue<string>() == testCase.GetProperty("expect").GetString());

    [Fact]
    public Task Calls_are_let_in_and_kept_out_as_by_Istio()
        => VectorSuite.Load("istio_authz_e2e").CheckAsync("authz", static (testCase, answer) => answer["decision"]?.GetValue<string>() == testCase.GetProperty("expect").GetString());

    [Fact]
    public Task Connections_are_let_in_and_kept_out_as_by_ztunnel()
        => VectorSuite.Load("istio_policy_selection")
            .Where(static testCase => testCase.GetProperty("type").GetString() == "authorization-decision")
            .CheckAsync("authz", static (testCase, answer) => answer["decision"]?.GetValue<string>() == testCase.GetProperty("expect").GetString());

    private static bool AreEqual(JsonElement testCase, JsonNode answer, params string[] fields)
        => fields.All(field => JsonNode.DeepEquals(answer[field], testCase.GetProperty("expect").TryGetProperty(field, out var expected) ? JsonNode.Parse(expected.GetRawText()) : null));

    private static Task ManifestsAsync(string suite, HashSet<string> kinds)
        => VectorSuite.Load(suite)
            .Where(testCase => kinds.Contains(testCase.GetProperty("kind").GetString()!))
            .CheckAsync("manifest", static (testCase, answer) => answer["valid"]?.GetValue<bool>() == testCase.GetProperty("expect").GetProperty("valid").GetBoolean());
}
