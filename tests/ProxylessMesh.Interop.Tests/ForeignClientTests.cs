using System.Text.Json;
using ProxylessMesh.EndToEnd.Tests;
using ProxylessMesh.Interop.Tests.Processes;

namespace ProxylessMesh.Interop.Tests;

/// <summary>gRPC's own clients find and call our workloads through our control plane.</summary>
public class ForeignClientTests
{
    private const string Versions = """
        apiVersion: v1
        kind: Service
        metadata: { name: echo-v1, namespace: test }
        spec: { selector: { app: echo, version: v1 }, ports: [{ port: 80 }] }
        ---
        apiVersion: v1
        kind: Service
        metadata: { name: echo-v2, namespace: test }
        spec: { selector: { app: echo, version: v2 }, ports: [{ port: 80 }] }
        ---

        """;

    private const string HttpRouteSplit = Versions + """
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: { name: echo, namespace: test }
        spec:
          parentRefs: [{ group: "", kind: Service, name: echo }]
          rules:
          - backendRefs: [{ name: echo-v1, port: 80, weight: 80 }, { name: echo-v2, port: 80, weight: 20 }]
        """;

    // With everything in it that gRPC clients do not carry out: they must leave it aside and take the rest.
    private const string GrpcRouteSplit = Versions + """
        apiVersion: gateway.networking.k8s.io/v1
        kind: GRPCRoute
        metadata: { name: echo, namespace: test }
        spec:
          parentRefs: [{ group: "", kind: Service, name: echo }]
          rules:
          - matches: [{ method: { service: no.such.Service, method: Nothing } }]
            backendRefs: [{ kind: Pod, name: x }]
          - matches: [{ method: { type: RegularExpression, service: "none.*" } }]
            backendRefs: [{ name: echo-v1, port: 80 }, { kind: Pod, name: x }]
          - sessionPersistence: { type: Header, header: { name: x-session } }
            filters:
            - type: RequestMirror
              requestMirror: { backendRef: { name: echo-v2, port: 80 }, percent: 10 }
            - type: RequestHeaderModifier
              requestHeaderModifier: { set: [{ name: x-a, value: "100%" }] }
            backendRefs:
            - { name: echo-v1, port: 80, weight: 80 }
            - { name: echo-v2, port: 80, weight: 20, filters: [{ type: ResponseHeaderModifier, responseHeaderModifier: { set: [{ name: x-b, value: "2" }] } }] }
        """;

    private const string VirtualServiceSplit = """
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: { name: echo, namespace: test }
        spec: { host: echo, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }] }
        ---
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: { name: echo, namespace: test }
        spec:
          hosts: [echo]
          http:
          - match: [{ headers: { x-version: { exact: v2 } } }]
            route: [{ destination: { host: echo, subset: v2 } }]
          - route: [{ destination: { host: echo, subset: v1 }, weight: 80 }, { destination: { host: echo, subset: v2 }, weight: 20 }]
        """;

    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    // Waits until the control plane would give a client both versions: the peers' clients ask once and call at once.
    private static async Task<TestMesh> MeshAsync(string manifests)
    {
        var mesh = await TestMesh.StartAsync(options => options.PlaintextXdsListen = $"127.0.0.1:{FreePort.Next()}");
        await mesh.WriteManifestAsync("echo.yaml", manifests);
        await mesh.StartEchoAsync("v1");
        await mesh.StartEchoAsync("v2");
        await mesh.SettledAsync("echo.test.svc.cluster.local:80", 2, TestEnd);
        return mesh;
    }

    private static async Task<CallReport> CallAsync(TestMesh mesh, string client, string serviceAccount, params string[] arguments)
    {
        using var bootstrap = await GrpcBootstrap.ForAsync(mesh, serviceAccount);
        return CallReport.Parse(await PeerProcess.RunAsync(client, arguments, bootstrap.Environment, TestEnd));
    }

    [Theory(Timeout = TestMesh.TimeLimit)]
    [InlineData("grpc-client", 1000, HttpRouteSplit)]
    [InlineData("grpc-client", 1000, GrpcRouteSplit)]
    [InlineData("grpc-client", 1000, VirtualServiceSplit)]
    [InlineData("node-client", 500, HttpRouteSplit)]
    [InlineData("node-client", 500, GrpcRouteSplit)]
    [InlineData("node-client", 500, VirtualServiceSplit)]
    [InlineData("python-client", 500, HttpRouteSplit)]
    [InlineData("python-client", 500, GrpcRouteSplit)]
    [InlineData("python-client", 500, VirtualServiceSplit)]
    public async Task Calls_are_split_as_a_manifest_asks(string client, int calls, string manifests)
    {
        Peer.Program(client);
        await using var mesh = await MeshAsync(manifests);
        string[] arguments = client == "node-client" ? ["--target", "xds:///echo", "--n", $"{calls}"] : ["-n", $"{calls}", client == "grpc-client" ? "-target" : "--target", "xds:///echo"];

        var report = (await CallAsync(mesh, client, "caller", arguments)).Complete();

        Assert.Equal(calls, report.Calls);
        report.HasShare("v1", 0.8);
        report.HasShare("v2", 0.2);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_header_chooses_the_route()
    {
        Peer.Program("grpc-client");
        await using var mesh = await MeshAsync(VirtualServiceSplit);

        var report = await CallAsync(mesh, "grpc-client", "caller", "-target", "xds:///echo", "-n", "50", "-header", "x-version=v2");

        Assert.Equal(50, report.Complete().Backends["v2"]);
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task With_a_certificate_of_the_mesh_both_sides_prove_who_they_are_and_policy_decides()
    {
        const string policies = """
            apiVersion: security.istio.io/v1
            kind: PeerAuthentication
            metadata: { name: default, namespace: mesh-system }
            spec: { mtls: { mode: STRICT } }
            ---
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: { name: echo, namespace: test }
            spec:
              selector: { matchLabels: { app: echo } }
              rules: [{ from: [{ source: { principals: [mesh.local/ns/test/sa/caller] } }], to: [{ operation: { paths: ["/grpc.testing.TestService/*"] } }] }]
            """;
        Peer.Program("grpc-client");
        await using var mesh = await MeshAsync(policies);

        var allowed = await CallAsync(mesh, "grpc-client", "caller", "-target", "xds:///echo", "-creds", "xds", "-n", "100");
        var stranger = await CallAsync(mesh, "grpc-client", "stranger", "-target", "xds:///echo", "-creds", "xds", "-n", "5");
        var otherMethod = await CallAsync(mesh, "grpc-client", "caller", "-target", "xds:///echo", "-creds", "xds", "-n", "5", "-method", "health");

        Assert.Equal(["spiffe://mesh.local/ns/test/sa/echo"], allowed.Complete().ServerIds?.Keys);
        Assert.Equal(["spiffe://mesh.local/ns/test/sa/caller"], allowed.ClientIds?.Keys);
        Assert.Equal((0, 0), (stranger.Ok, otherMethod.Ok));
        Assert.All((string[])[.. stranger.Errors!.Keys, .. otherMethod.Errors!.Keys], error => Assert.StartsWith("PermissionDenied", error, StringComparison.Ordinal));
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_plaintext_caller_is_shut_out_by_STRICT()
    {
        const string strict = """
            apiVersion: security.istio.io/v1
            kind: PeerAuthentication
            metadata: { name: default, namespace: mesh-system }
            spec: { mtls: { mode: STRICT } }
            """;
        Peer.Program("grpc-client");
        await using var mesh = await MeshAsync(strict);

        var report = await CallAsync(mesh, "grpc-client", "caller", "-target", "xds:///echo", "-n", "3", "-wait=false", "-timeout", "3s");

        Assert.Equal(0, report.Ok);
        Assert.All(report.Errors!.Keys, error => Assert.StartsWith("Unavailable", error, StringComparison.Ordinal));
    }

    [Fact(Timeout = TestMesh.TimeLimit)]
    public async Task A_bare_delta_client_gets_what_exists_and_hears_at_once_what_does_not()
    {
        Peer.Program("xds-probe");
        await using var mesh = await MeshAsync(VirtualServiceSplit);
        var server = mesh.PlaintextXds().Authority;

        var output = await PeerProcess.RunAsync(
            "xds-probe",
            ["-addr", server, "-mode", "delta", "-type", "cds", "-names", "outbound|80|v1|echo.test.svc.cluster.local,outbound|80||nobody.test.svc.cluster.local", "-for", "2s", "-node", "probe"],
            new Dictionary<string, string>(),
            TestEnd);

        var responses = output.Split('\n').Where(line => line.Contains("\"event\":\"response\"", StringComparison.Ordinal)).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal(["outbound|80|v1|echo.test.svc.cluster.local"], responses.SelectMany(response => response.GetProperty("updated").EnumerateObject()).Select(resource => resource.Name));
        Assert.Equal(
            ["outbound|80||nobody.test.svc.cluster.local"],
            responses.Where(response => response.GetProperty("removed").ValueKind == JsonValueKind.Array).SelectMany(response => response.GetProperty("removed").EnumerateArray()).Select(name => name.GetString()!));
    }
}
