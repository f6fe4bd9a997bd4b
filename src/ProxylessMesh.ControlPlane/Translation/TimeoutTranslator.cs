using Envoy.Config.Route.V3;
using Envoy.Extensions.Retry.Host.PreviousHosts.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>Time limits and retries of a route. What no manifest says is left out: it is the data plane's own.</summary>
internal static class TimeoutTranslator
{
    private const string StatusCodes = "retriable-status-codes";
    private const string PreviousHosts = "envoy.retry_host_predicates.previous_hosts";

    // Istio's: how often another endpoint is looked for that was not tried yet.
    private const int HostSelectionAttempts = 5;

    // Istio's retryOn where a VirtualService names none.
    private static readonly string[] _istioDefault = ["connect-failure", "refused-stream", "unavailable", "cancelled", StatusCodes];
    private static readonly uint[] _istioDefaultCodes = [503];

    // The data plane's own, for a policy that says something else but not how often.
    private const int DefaultRetries = 2;

    // What was provably not processed: safe for every method.
    private static readonly string[] _neverProcessed = ["connect-failure", "refused-stream", "reset-before-request"];

    /// <summary>Sets the limit of the whole call, for HTTP (<c>timeout</c>) and gRPC (<c>max_stream_duration</c>, gRFC A31). Zero: no limit.</summary>
    public static void SetTimeout(RouteAction action, TimeSpan? timeout)
    {
        if (timeout is { } limit)
        {
            action.Timeout = limit.ToDuration();
            action.MaxStreamDuration = new RouteAction.Types.MaxStreamDuration { MaxStreamDuration_ = limit.ToDuration() };
        }
    }

    /// <summary>A VirtualService's retries. No attempts: a policy without a condition, which retries nothing.</summary>
    public static RetryPolicy? Retry(VirtualServiceRetries? retries)
    {
        if (retries is null)
        {
            return null;
        }

        var policy = new RetryPolicy { PerTryTimeout = Limit(retries.PerTryTimeout), RetryBackOff = BackOff(retries.Backoff) };
        if (retries.Attempts == 0)
        {
            return policy;
        }

        if (retries.IgnorePreviousHosts != false)
        {
            policy.RetryHostPredicate.Add(new RetryPolicy.Types.RetryHostPredicate { Name = PreviousHosts, TypedConfig = Any.Pack(new PreviousHostsPredicate()) });
            policy.HostSelectionRetryMaxAttempts = HostSelectionAttempts;
        }

        var isDefault = retries.On.IsEmpty && retries.StatusCodes.IsEmpty;
        string[] conditions = isDefault ? _istioDefault : [.. retries.On, .. retries.StatusCodes.IsEmpty ? [] : (string[])[StatusCodes]];
        policy.NumRetries = (uint)retries.Attempts;
        policy.RetryOn = string.Join(',', conditions.Distinct(StringComparer.Ordinal));
        policy.RetriableStatusCodes.AddRange(isDefault ? _istioDefaultCodes : retries.StatusCodes.Select(code => (uint)code));
        return policy;
    }

    /// <summary>An HTTPRoute's retries. A limit of one attempt without <c>retry</c> comes with the retries that are always safe.</summary>
    public static RetryPolicy? Retry(HttpRouteRetry? retry, TimeSpan? perTry)
    {
        if (retry is null && Limit(perTry) is null)
        {
            return null;
        }

        // gRPC refuses num_retries 0: a policy without a condition says the same.
        if (retry is { Attempts: 0 })
        {
            return new RetryPolicy { PerTryTimeout = Limit(perTry) };
        }

        var policy = new RetryPolicy
        {
            RetryOn = string.Join(',', retry is { Codes.IsEmpty: false } ? [.. _neverProcessed, StatusCodes] : _neverProcessed),
            NumRetries = (uint)(retry?.Attempts ?? DefaultRetries),
            PerTryTimeout = Limit(perTry),
            RetryBackOff = BackOff(retry?.Backoff),
        };
        policy.RetriableStatusCodes.AddRange((retry?.Codes ?? []).Select(code => (uint)code));
        return policy;
    }

    private static Duration? Limit(TimeSpan? perTry) => perTry is { } limit && limit > TimeSpan.Zero ? limit.ToDuration() : null;

    private static RetryPolicy.Types.RetryBackOff? BackOff(TimeSpan? shortest)
        => shortest is { } wait && wait > TimeSpan.Zero
            ? new RetryPolicy.Types.RetryBackOff { BaseInterval = wait.ToDuration(), MaxInterval = (wait * 10).ToDuration() }
            : null;
}
