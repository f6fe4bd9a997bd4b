using System.Collections.Immutable;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Reads <c>retries</c> of a VirtualService's route.</summary>
internal static class VirtualServiceRetriesReader
{
    private static readonly TimeSpan OneMillisecond = TimeSpan.FromMilliseconds(1);

    // The last two change nothing: no upstream speaks HTTP/3, and Istio has no list of headers to retry on. Istio takes them, as its proxies do.
    private static readonly string[] Conditions =
    [
        "5xx", "gateway-error", "reset", "reset-before-request", "connect-failure", "refused-stream", "retriable-4xx", "retriable-status-codes",
        "envoy-ratelimited", "cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable", "retriable-headers", "http3-post-connect-failure",
    ];

    public static VirtualServiceRetries? Read(YamlMap? map)
    {
        if (map is null)
        {
            return null;
        }

        var words = map.Text("retryOn", RetryOn)?.Split(',', StringSplitOptions.TrimEntries) ?? [];
        var attempts = map.Integer("attempts", 0, 100);
        var retries = new VirtualServiceRetries
        {
            Attempts = attempts ?? 0,
            PerTryTimeout = map.Duration("perTryTimeout", DurationSyntax.Istio, OneMillisecond),
            On = [.. words.Where(Conditions.Contains)],
            StatusCodes = [.. words.Select(StatusCode).OfType<int>()],
            IgnorePreviousHosts = map.Field("retryIgnorePreviousHosts")?.Boolean(),
            Backoff = map.Duration("backoff", DurationSyntax.Istio, OneMillisecond),
        };
        if (map.Has("retryRemoteLocalities") && map.Field("retryRemoteLocalities") is { } remote && remote.Boolean() == true)
        {
            remote.Fail("a retry cannot be sent to other localities than the balancer's", "Write 'false' or remove the field; 'localityLbSetting' of a DestinationRule decides on localities");
        }

        CheckAttempts(map, attempts);
        map.End();
        return retries;
    }

    // No attempts: no retries, which leaves nothing to configure.
    private static void CheckAttempts(YamlMap map, int? attempts)
    {
        if (((string[])["perTryTimeout", "retryOn", "retryRemoteLocalities"]).FirstOrDefault(map.Has) is not { } setting)
        {
            return;
        }

        if (!map.Has("attempts"))
        {
            map.Required("attempts", $"Write how many attempts may follow the first, or remove '{setting}'");
        }
        else if (attempts == 0)
        {
            map.Field("attempts")?.Fail($"there are no retries for '{setting}' to be of", $"Write at least 1, or remove '{setting}'");
        }
    }

    private static Mistake? RetryOn(string text)
    {
        foreach (var word in text.Split(',', StringSplitOptions.TrimEntries))
        {
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
