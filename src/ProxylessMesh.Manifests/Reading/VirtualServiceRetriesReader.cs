using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>retries</c> of a VirtualService's route.</summary>
internal static class VirtualServiceRetriesReader
{
    private static readonly TimeSpan OneMillisecond = TimeSpan.FromMilliseconds(1);

    private static readonly string[] Conditions =
    [
        "5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "refused-stream", "retriable-4xx", "retriable-status-codes",
        "cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable",
    ];

    private static readonly string[] NotYet = ["envoy-ratelimited", "retriable-headers", "http3-post-connect-failure"];

    public static VirtualServiceRetries? Read(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        var words = map.Text("retryOn", RetryOn)?.Split(',', StringSplitOptions.TrimEntries) ?? [];
        var retries = new VirtualServiceRetries
        {
            Attempts = map.Required("attempts", "Write how many attempts may follow the first; 0 for none")?.Integer(0, 100) ?? 0,
            PerTryTimeout = map.Duration("perTryTimeout", DurationSyntax.Istio, OneMillisecond),
            On = [.. words.Where(Conditions.Contains)],
            StatusCodes = [.. words.Select(StatusCode).OfType<int>()],
            Backoff = map.Duration("backoff", DurationSyntax.Istio, OneMillisecond),
        };
        if (map.Field("attempts")?.Node is ScalarNode { Text: "0" } && map.Node.Entries.Length > 1)
        {
            map.Field("attempts")?.Fail("there are no retries to configure", "Write at least 1, or remove the other fields");
        }

        map.NotYet("retryRemoteLocalities", "retryIgnorePreviousHosts");
        map.End();
        return retries;
    }

    private static Mistake? RetryOn(string text)
    {
        foreach (var word in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (NotYet.Contains(word))
            {
                return new($"'{word}' is not supported yet", $"Use some of {string.Join(", ", Conditions)}");
            }

            if (!Conditions.Contains(word) && StatusCode(word) is null)
            {
                var nearest = NearestWord.To(word, Conditions);
                return new($"'{ReadingErrors.Show(word)}' is no condition", nearest is null ? $"Use some of {string.Join(", ", Conditions)}, or status codes" : $"Write '{nearest}'");
            }
        }

        return null;
    }

    private static int? StatusCode(string word)
        => word.Length == 3 && int.TryParse(word, out var code) && code is >= 100 and <= 599 ? code : null;
}
