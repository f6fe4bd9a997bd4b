using System.Text.Json;
using ProxylessMesh.Tool.Calls;
using ProxylessMesh.Tool.Echo;
using ProxylessMesh.Tool.Tests.Vectors;

namespace ProxylessMesh.Tool.Tests.Live;

/// <summary>Istio's end-to-end cases of RequestAuthentication, with its real tokens, over real sockets.</summary>
public sealed class LiveTokenTests
{
    private const int TimeLimit = 180_000;

    // Servers take a new policy in their own time.
    private const int Tries = 400;

    [Fact(Timeout = TimeLimit)]
    public async Task RequestAuthentications_of_Istios_integration_suite()
    {
        var suite = VectorSuite.Load("istio_jwt_e2e");
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Each workload needs a loopback address of its own.");
        await using var mesh = await LiveMesh.StartAsync();
        await mesh.ApplyAsync("base.yaml", [Service("b")]);
        await mesh.StartEchoAsync("b", "", "echo1", new EchoPort("http", 8080));
        await using var caller = await mesh.StartCallerAsync("a", "", "echo1");

        var wrong = new List<(string, string)>();
        foreach (var testCase in suite.Cases)
        {
            await mesh.ApplyCaseAsync(testCase.GetProperty("policies").EnumerateArray());
            string? problem = null;
            for (var i = 0; i < Tries && (problem = await ProblemAsync(caller, testCase)) is not null; i++)
            {
                await Task.Yield();
            }

            if (problem is not null)
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
        metadata = new { name, @namespace = "echo1" },
        spec = new { selector = new { app = name }, ports = new[] { new { name = "http", port = 80, targetPort = 8080 } } },
    });

    private static async Task<string?> ProblemAsync(LiveCaller caller, JsonElement testCase)
    {
        var (request, expect) = (testCase.GetProperty("request"), testCase.GetProperty("expect"));
        var result = await caller.SendAsync(new CallRequest
        {
            Method = new HttpMethod(request.GetProperty("method").GetString()!),
            Url = new Uri($"http://{request.GetProperty("host").GetString()}{request.GetProperty("path").GetString()}"),
            Headers = [.. request.GetProperty("headers").EnumerateObject().SelectMany(static header => header.Value.EnumerateArray().Select(value => KeyValuePair.Create(header.Name, value.GetString()!)))],
        });
        if (result.Status != expect.GetProperty("status").GetInt32())
        {
            return $"status is {result.Status}, expected {expect.GetProperty("status")}";
        }

        if (!expect.TryGetProperty("requestHeadersAtBackend", out var headers))
        {
            return null;
        }

        foreach (var header in headers.EnumerateObject())
        {
            var seen = (string?)result.Seen?["headers"]?[header.Name] ?? "";
            if (seen != header.Value.GetString())
            {
                return $"{header.Name} is '{seen}', expected '{header.Value}'";
            }
        }

        return null;
    }
}
