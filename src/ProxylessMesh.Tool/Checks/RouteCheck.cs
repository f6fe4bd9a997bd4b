using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using ProxylessMesh.Manifests;
using ProxylessMesh.Tool.Explain;

namespace ProxylessMesh.Tool.Checks;

/// <summary>
/// <c>mesh check route</c>: where a call (<c>request</c>) of a workload (<c>client</c>) goes by the manifests in <c>resources</c>. Without
/// a <c>host</c> in the request it calls <c>target</c>.
/// </summary>
internal static class RouteCheck
{
    private static readonly string[] None = [];

    public static JsonObject Answer(JsonElement testCase)
    {
        var resources = testCase.TryGetProperty("resources", out var named) ? named : testCase.Required("manifests");
        var reading = ManifestReader.Read(resources.EnumerateArray().Select(static (resource, index) => new ManifestFile($"resources[{index.ToString("D6", CultureInfo.InvariantCulture)}]", resource.GetRawText())));
        if (!reading.IsValid)
        {
            throw new FormatException("The resources are not valid: " + string.Join(" ", reading.Errors.Select(static error => error.ToString())));
        }

        var request = testCase.Required("request");
        var headers = Headers(request).ToList();
        var (service, @namespace, labels) = Client(testCase);
        var verdict = RouteExplainer.Explain(new RouteQuestion
        {
            Manifests = reading.Manifests,
            Service = service,
            Namespace = @namespace,
            Labels = labels,
            Method = new HttpMethod(request.OptionalText("method") ?? "GET"),
            Url = Url(testCase, request),
            Headers = headers,
            IsGrpc = request.OptionalText("protocol") == "grpc",
        });
        return JsonSerializer.SerializeToNode(verdict, RouteVerdictJson.Default.RouteVerdict)!.AsObject();
    }

    private static Uri Url(JsonElement testCase, JsonElement request)
    {
        var host = request.OptionalText("host") ?? Target(testCase) ?? throw new FormatException("The request has no 'host' and the case no 'target'.");
        var path = request.OptionalText("path") ?? "/";
        return new Uri($"{request.OptionalText("scheme") ?? "http"}://{host}{(path.StartsWith('/') ? "" : "/")}{path}");
    }

    private static string? Target(JsonElement testCase)
        => testCase.TryGetProperty("target", out var target)
            ? target.Text("service") + (target.TryGetProperty("port", out var port) && port.GetInt32() != 80 ? ":" + port.GetRawText() : "")
            : null;

    private static IEnumerable<KeyValuePair<string, string>> Headers(JsonElement request)
        => request.TryGetProperty("headers", out var headers) && headers.ValueKind == JsonValueKind.Object
            ? headers.EnumerateObject().SelectMany(static header => Values(header.Value).Select(value => KeyValuePair.Create(header.Name, value)))
            : [];

    private static IEnumerable<string> Values(JsonElement value)
        => value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().Select(static part => part.GetString() ?? "") : value.GetString() is { } text ? [text] : None;

    // A client is named by its service, or by its labels: app=echo,version=v1.
    private static (string Service, string Namespace, Dictionary<string, string> Labels) Client(JsonElement testCase)
    {
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        if (!testCase.TryGetProperty("client", out var client))
        {
            return ("client", HostNames.DefaultNamespace, labels);
        }

        foreach (var label in (client.OptionalText("app") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries).Select(static label => label.Split('=', 2)).Where(static label => label.Length == 2))
        {
            labels[label[0]] = label[1];
        }

        if (client.TryGetProperty("labels", out var named) && named.ValueKind == JsonValueKind.Object)
        {
            foreach (var label in named.EnumerateObject())
            {
                labels[label.Name] = label.Value.GetString() ?? "";
            }
        }

        return (client.OptionalText("service") ?? labels.GetValueOrDefault("app") ?? "client", client.OptionalText("namespace") ?? HostNames.DefaultNamespace, labels);
    }
}
