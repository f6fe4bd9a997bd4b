using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ProxylessMesh.Tool.Checks;

/// <summary>Reads cases, one JSON object a line, and writes one answer a line with the case's <c>id</c>. A case that cannot be answered does not stop the others.</summary>
internal static class CheckBatch
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static async Task RunAsync(Check check, TextReader input, TextWriter output, CancellationToken cancellationToken)
    {
        while (await input.ReadLineAsync(cancellationToken) is { } line)
        {
            if (!string.IsNullOrWhiteSpace(line))
            {
                await output.WriteLineAsync(Answer(check, line).ToJsonString(Plain).AsMemory(), cancellationToken);
            }
        }

        await output.FlushAsync(cancellationToken);
    }

    /// <summary>The answer to one case, or <c>error</c> with the reason why there is none.</summary>
    public static JsonObject Answer(Check check, string line)
    {
        JsonNode? id = null;
        try
        {
            using var testCase = JsonDocument.Parse(line);
            if (testCase.RootElement.ValueKind == JsonValueKind.Object && testCase.RootElement.TryGetProperty("id", out var given))
            {
                id = JsonNode.Parse(given.GetRawText());
            }

            var answer = check(testCase.RootElement);
            answer.Insert(0, "id", id);
            return answer;
        }
#pragma warning disable CA1031 // Whatever one case does to the code that it meets, the next one has its turn.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return new JsonObject { ["id"] = id, ["error"] = exception.Message };
        }
    }
}
