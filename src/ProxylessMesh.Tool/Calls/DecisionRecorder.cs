using System.Collections.Concurrent;
using System.Diagnostics;
using ProxylessMesh.Client.Telemetry;

namespace ProxylessMesh.Tool.Calls;

/// <summary>Reads what the data plane decided about a call from the spans that it makes: one per call and one per further attempt.</summary>
internal sealed class DecisionRecorder : IDisposable
{
    private readonly ActivitySource _source = new("ProxylessMesh.Tool");
    private readonly ConcurrentDictionary<ActivityTraceId, ConcurrentQueue<Activity>> _spans = new();
    private readonly ActivityListener _listener;

    public DecisionRecorder()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == MeshMeter.Name || source.Name == _source.Name,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                if (activity.Source.Name == MeshMeter.Name && _spans.TryGetValue(activity.TraceId, out var spans))
                {
                    spans.Enqueue(activity);
                }
            },
        };
        ActivitySource.AddActivityListener(_listener);
    }

    /// <summary>Begins a call: what is sent until the result is disposed belongs to it.</summary>
    public Activity Start()
    {
        var call = _source.StartActivity("mesh call", ActivityKind.Internal, parentContext: default) ?? throw new InvalidOperationException("Nothing listens to the command's own spans.");
        _spans[call.TraceId] = new ConcurrentQueue<Activity>();
        return call;
    }

    /// <summary>What became of the call; null where it did not go through the mesh.</summary>
    public Decision? End(Activity call)
    {
        if (!_spans.TryRemove(call.TraceId, out var spans) || spans.FirstOrDefault(static span => span.GetTagItem("proxyless_mesh.route") is not null) is not { } whole)
        {
            return null;
        }

        return new Decision
        {
            Route = Text(whole, "proxyless_mesh.route") ?? "",
            Cluster = Text(whole, "proxyless_mesh.cluster") ?? "",
            Endpoint = Text(whole, "network.peer.address") ?? "",
            Attempts = whole.GetTagItem("proxyless_mesh.attempts") as int? ?? 1,
            Error = Text(whole, "error.type"),
            Retries = [.. spans.Where(span => span != whole).OrderBy(static span => span.StartTimeUtc).Select(static span => new DecisionAttempt(
                Text(span, "network.peer.address") ?? "", span.GetTagItem("http.response.status_code") as int?, Text(span, "error.type")))],
        };
    }

    public void Dispose()
    {
        _listener.Dispose();
        _source.Dispose();
    }

    private static string? Text(Activity span, string tag) => span.GetTagItem(tag)?.ToString();
}
