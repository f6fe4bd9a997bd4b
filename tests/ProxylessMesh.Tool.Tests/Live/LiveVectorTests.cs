using System.Globalization;
using System.Text.Json;
using ProxylessMesh.Tool.Calls;
using ProxylessMesh.Tool.Commands;
using ProxylessMesh.Tool.Echo;
using ProxylessMesh.Tool.Tests.Vectors;

namespace ProxylessMesh.Tool.Tests.Live;

/// <summary>The live suites of Gateway API and Istio over real sockets: control plane, echo workloads, callers.</summary>
public sealed class LiveVectorTests
{
    private const int TimeLimit = 180_000;

    // With 2,000 calls a share of 0.7 is off by more than 0.05 once in a million runs; with 1,000 one of 0.5 by more than 0.1 never.
    private const int GatewayCalls = 2_000;
    private const int IstioCalls = 1_000;

    // Servers take a new policy (CORS) in their own time, after the callers have theirs.
    private const int Tries = 200;

    private static readonly string[] IstioServices = ["b", "c", "d"];

    private static readonly EchoPort[] Ports = [new("http", 8080), new("grpc", 7070)];

    [Fact(Timeout = TimeLimit)]
    public async Task Gateway_API_conformance_of_a_mesh()
    {
        var suite = VectorSuite.Load("gwapi_mesh_conformance");
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Each workload needs a loopback address of its own.");
        await using var mesh = await LiveMesh.StartAsync();
        await mesh.ApplyAsync("base.yaml", suite.Document.GetProperty("baseManifests").EnumerateArray().Where(static manifest => manifest.GetProperty("kind").GetString() != "Deployment"));
        foreach (var deployment in suite.Document.GetProperty("baseManifests").EnumerateArray().Where(static manifest => manifest.GetProperty("kind").GetString() == "Deployment"))
        {
            var labels = deployment.GetProperty("spec").GetProperty("template").GetProperty("metadata").GetProperty("labels");
            await mesh.StartEchoAsync(labels.GetProperty("app").GetString()!, labels.GetProperty("version").GetString()!, deployment.GetProperty("metadata").GetProperty("namespace").GetString()!, Ports);
        }

        var wrong = new List<(string, string)>();
        foreach (var testCase in suite.Cases)
        {
            await mesh.ApplyCaseAsync(testCase.GetProperty("manifests").EnumerateArray());
            foreach (var request in testCase.GetProperty("requests").EnumerateArray())
            {
                var client = request.GetProperty("client");
                var labels = client.GetProperty("app").GetString()!.Split(',').Select(static label => label.Split('=')).ToDictionary(static label => label[0], static label => label[1]);
                await using var caller = await mesh.StartCallerAsync(labels["app"], labels["version"], client.GetProperty("namespace").GetString()!);
                if (await CheckAsync(() => GatewayProblemAsync(caller, request)) is { } problem)
                {
                    wrong.Add((testCase.GetProperty("id").GetString()!, $"{request.GetProperty("name").GetString()}: {problem}"));
                }
            }
        }

        suite.Compare(wrong);
    }

    [Fact(Timeout = TimeLimit)]
    public async Task VirtualServices_of_Istios_integration_suite()
    {
        var suite = VectorSuite.Load("istio_virtualservice_e2e");
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Each workload needs a loopback address of its own.");
        await using var mesh = await LiveMesh.StartAsync();
        await mesh.ApplyAsync("base.yaml", IstioServices.Select(Service));
        foreach (var service in IstioServices)
        {
            await mesh.StartEchoAsync(service, "v1", "default", Ports);
        }

        var wrong = new List<(string, string)>();
        foreach (var testCase in suite.Cases)
        {
            await mesh.ApplyCaseAsync(testCase.GetProperty("resources").EnumerateArray());
            await using var caller = await mesh.StartCallerAsync(testCase.GetProperty("client").GetProperty("service").GetString()!, "", "default");
            if (await CheckAsync(() => IstioProblemAsync(caller, testCase)) is { } problem)
            {
                wrong.Add((testCase.GetProperty("id").GetString()!, problem));
            }
        }

        suite.Compare(wrong);
    }

    private static JsonElement Service(string name) => JsonSerializer.SerializeToElement(new
    {
        apiVersion = "v1",
        kind = "Service",
        metadata = new { name, @namespace = "default" },
        spec = new
        {
            selector = new { app = name },
            ports = new object[] { new { name = "http", port = 80, targetPort = 8080 }, new { name = "http2", port = 85, targetPort = 8080 }, new { name = "grpc", port = 7070 } },
        },
    });

    private static async Task<string?> CheckAsync(Func<Task<string?>> problem)
    {
        string? last = null;
        for (var i = 0; i < Tries && (last = await problem()) is not null; i++)
        {
            await Task.Yield();
        }

        return last;
    }

    private static async Task<string?> GatewayProblemAsync(LiveCaller caller, JsonElement test)
    {
        var (request, expect) = (test.GetProperty("request"), test.GetProperty("expect"));
        var call = new CallRequest
        {
            Method = new HttpMethod(Text(request, "method") ?? "GET"),
            Url = CallCommand.ParseUrl($"{Text(request, "protocol") ?? "http"}://{Text(request, "host")}{Text(request, "path") ?? "/gateway_api_conformance.echo_basic.grpcecho.GrpcEcho/Echo"}"),
            Headers = [.. Pairs(request, "headers")],
            IsGrpc = Text(request, "protocol") == "grpc",
        };
        if (expect.TryGetProperty("distribution", out var shares))
        {
            return await DistributionProblemAsync(caller, call, GatewayCalls, shares.EnumerateObject().ToDictionary(static share => share.Name, static share => share.Value.GetDouble()), expect.GetProperty("tolerance").GetDouble());
        }

        var result = await caller.SendAsync(call);
        var seen = result.Seen;
        var atBackend = expect.TryGetProperty("requestAtBackend", out var sent) ? sent : default;
        return First(
            Same("status", result.Status?.ToString(CultureInfo.InvariantCulture), expect.GetProperty("statusCodes")[0].GetRawText()),
            call.IsGrpc ? Same("gRPC status", result.GrpcStatus?.ToString(CultureInfo.InvariantCulture), "0") : null,
            Text(expect, "backend") is { } backend ? Same("backend", Name(result), backend) : null,
            Pairs(expect, "responseHeaders").Select(header => Same(header.Key, result.Headers.GetValueOrDefault(header.Key), header.Value)).FirstOrDefault(static problem => problem is not null),
            Texts(expect, "absentResponseHeaders").Select(name => Same(name, result.Headers.GetValueOrDefault(name), null)).FirstOrDefault(static problem => problem is not null),
            Pairs(atBackend, "headers").Select(header => Same(header.Key, Header(seen, header.Key), header.Value)).FirstOrDefault(static problem => problem is not null),
            Texts(atBackend, "absentHeaders").Select(name => Same(name, Header(seen, name), null)).FirstOrDefault(static problem => problem is not null),
            expect.TryGetProperty("redirect", out var redirect) ? RedirectProblem(result, redirect) : null);
    }

    private static async Task<string?> IstioProblemAsync(LiveCaller caller, JsonElement testCase)
    {
        var (request, expect, target) = (testCase.GetProperty("request"), testCase.GetProperty("expect"), testCase.GetProperty("target"));
        var port = target.GetProperty("port").GetInt32();
        var call = new CallRequest
        {
            Method = new HttpMethod(request.GetProperty("method").GetString()!),
            Url = new Uri($"http://{target.GetProperty("service").GetString()}:{port}{request.GetProperty("path").GetString()}"),
            Headers = [.. Pairs(request, "headers")],
        };
        if (expect.TryGetProperty("distributionOf100", out var shares))
        {
            return await DistributionProblemAsync(caller, call, IstioCalls, shares.EnumerateObject().ToDictionary(static share => share.Name + "-v1", static share => share.Value.GetDouble() / 100), expect.GetProperty("tolerance").GetDouble() / 100);
        }

        var result = await caller.SendAsync(call);
        return First(
            Same("status", result.Status?.ToString(CultureInfo.InvariantCulture), expect.GetProperty("status").GetRawText()),
            Text(expect, "hostAtBackend") is { } host ? Same("host", (string?)result.Seen?["host"], host) : null,
            Text(expect, "urlAtBackend") is { } url ? Same("url", (string?)result.Seen?["path"], url) : null,
            Text(expect, "location") is { } location ? Same("location", result.Headers.GetValueOrDefault("Location"), location) : null,
            Pairs(expect, "requestHeadersAtBackend").Select(header => Same(header.Key, Header(result.Seen, header.Key) ?? "", header.Value)).FirstOrDefault(static problem => problem is not null),
            Pairs(expect, "responseHeaders").Select(header => Same(header.Key, result.Headers.GetValueOrDefault(header.Key) ?? "", header.Value)).FirstOrDefault(static problem => problem is not null));
    }

    private static async Task<string?> DistributionProblemAsync(LiveCaller caller, CallRequest call, int calls, Dictionary<string, double> shares, double tolerance)
    {
        var results = new List<CallResult>(calls);
        for (var i = 0; i < calls; i++)
        {
            results.Add(await caller.SendAsync(call));
        }

        var counts = results.CountBy(static result => Name(result) ?? result.Error ?? "").ToDictionary();
        return counts.Keys.Union(shares.Keys).Select(name => Math.Abs((double)counts.GetValueOrDefault(name) / calls - shares.GetValueOrDefault(name)) > tolerance
            ? $"{name} answered {counts.GetValueOrDefault(name)} of {calls}, expected {shares.GetValueOrDefault(name)}"
            : null).FirstOrDefault(static problem => problem is not null);
    }

    private static string? RedirectProblem(CallResult result, JsonElement expected)
    {
        if (!Uri.TryCreate(result.Headers.GetValueOrDefault("Location"), UriKind.Absolute, out var location))
        {
            return $"the location is '{result.Headers.GetValueOrDefault("Location")}'";
        }

        return First(
            Text(expected, "scheme") is { } scheme ? Same("location's scheme", location.Scheme, scheme) : null,
            Text(expected, "host") is { } host ? Same("location's host", location.Host, host) : null,
            Text(expected, "path") is { } path ? Same("location's path", location.AbsolutePath, path) : null,
            Text(expected, "port") is { } port ? Same("location's port", location.Port.ToString(CultureInfo.InvariantCulture), port) : null);
    }

    private static string? Name(CallResult result) => result.AnsweredBy is { } who ? $"{who.Service}-{who.Version}" : null;

    private static string? Header(System.Text.Json.Nodes.JsonNode? seen, string name)
#pragma warning disable CA1308 // As the echo workload shows them.
        => (string?)seen?["headers"]?[name.ToLowerInvariant()];
#pragma warning restore CA1308

    private static string? Same(string what, string? actual, string? expected) => actual == expected ? null : $"{what} is '{actual}', expected '{expected}'";

    private static string? First(params ReadOnlySpan<string?> problems)
    {
        foreach (var problem in problems)
        {
            if (problem is not null)
            {
                return problem;
            }
        }

        return null;
    }

    private static string? Text(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value.ToString() : null;

    private static IEnumerable<string> Texts(JsonElement element, string name)
        => element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var values) ? values.EnumerateArray().Select(static value => value.GetString()!) : [];

    private static IEnumerable<KeyValuePair<string, string>> Pairs(JsonElement element, string name)
        => element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var values)
            ? values.EnumerateObject().Select(static pair => KeyValuePair.Create(pair.Name, pair.Value.ValueKind == JsonValueKind.Array ? string.Join(',', pair.Value.EnumerateArray()) : pair.Value.ToString()))
            : [];
}
