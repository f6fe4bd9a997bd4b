using System.Diagnostics;
using System.Globalization;

namespace ProxylessMesh.Client.Telemetry;

/// <summary>Spans of outgoing calls: one per call and one per further attempt, none where nobody listens; and the W3C headers.</summary>
internal static class CallActivity
{
    private static readonly ActivitySource Source = new(MeshMeter.Name);

    public static Activity? StartCall(HttpRequestMessage request, string host, string route)
    {
        if (!Source.HasListeners() || Source.StartActivity(request.Method.Method, ActivityKind.Client) is not { } activity)
        {
            return null;
        }

        if (activity.IsAllDataRequested)
        {
            activity.SetTag("http.request.method", request.Method.Method);
            activity.SetTag("server.address", host);
            activity.SetTag("url.full", request.RequestUri?.GetComponents(UriComponents.AbsoluteUri & ~UriComponents.UserInfo & ~UriComponents.Query, UriFormat.UriEscaped));
            activity.SetTag("proxyless_mesh.route", route);
        }

        return activity;
    }

    public static Activity? StartAttempt(Activity? call, int number)
    {
        if (call is null || Source.StartActivity($"{call.OperationName} attempt", ActivityKind.Client, call.Context) is not { } activity)
        {
            return null;
        }

        activity.SetTag("http.request.resend_count", number - 1);
        return activity;
    }

    public static void EndAttempt(Activity? activity, string endpoint, int status, string? error)
    {
        if (activity is null)
        {
            return;
        }

        Describe(activity, endpoint, status, error);
        activity.Dispose();
    }

    public static void EndCall(Activity? activity, string cluster, string endpoint, int attempts, int status, string? error)
    {
        if (activity is null)
        {
            return;
        }

        if (activity.IsAllDataRequested)
        {
            activity.SetTag("proxyless_mesh.cluster", cluster);
            if (attempts > 1)
            {
                activity.SetTag("proxyless_mesh.attempts", attempts);
            }
        }

        Describe(activity, endpoint, status, error);
        activity.Dispose();
    }

    /// <summary>Puts the running trace into a request, by way of <paramref name="set"/>.</summary>
    public static void Inject(HttpRequestMessage request, Activity running, Action<HttpRequestMessage, string, string> set)
        => DistributedContextPropagator.Current.Inject(running, (request, set), static (carrier, name, value) =>
        {
            var (request, set) = ((HttpRequestMessage, Action<HttpRequestMessage, string, string>))carrier!;
            set(request, name, value);
        });

    private static void Describe(Activity activity, string endpoint, int status, string? error)
    {
        if (activity.IsAllDataRequested)
        {
            activity.SetTag("network.peer.address", endpoint);
            if (status > 0)
            {
                activity.SetTag("http.response.status_code", status);
            }
        }

        if (error is not null || status >= 400)
        {
            activity.SetStatus(ActivityStatusCode.Error);
            activity.SetTag("error.type", error ?? status.ToString(CultureInfo.InvariantCulture));
        }
    }
}
