using Envoy.Extensions.Filters.Http.AdaptiveConcurrency.V3;
using Envoy.Extensions.Filters.Network.HttpConnectionManager.V3;
using Envoy.Type.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;
using ProxylessMesh.Manifests.Kinds;
using ProxylessMesh.Protos.V1;
using TokenBucket = ProxylessMesh.Manifests.Kinds.TokenBucket;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// The filters by which a workload takes no more than it can (<c>InboundLimits</c>). They stand behind authorization: a caller that may
/// not call uses up nothing.
/// </summary>
internal static class InboundLimitsTranslator
{
    public static IEnumerable<HttpFilter> Filters(ManifestSet manifests, Workload workload)
    {
        if (Of(manifests, workload) is not { } limits)
        {
            yield break;
        }

        if (limits.MaxConnections is not null || limits.MaxConnectionsPerCaller is not null)
        {
            yield return Ours("proxylessmesh.connection_limit", new ConnectionLimit
            {
                MaxConnections = (uint)(limits.MaxConnections ?? 0),
                MaxConnectionsPerCaller = (uint)(limits.MaxConnectionsPerCaller ?? 0),
            });
        }

        if (limits.RateLimit is { } rate)
        {
            yield return Ours("proxylessmesh.rate_limit", RateLimit(rate, new TrustDomainNames(workload.Id.TrustDomain, manifests.MeshConfig.TrustDomainAliases)));
        }

        if (limits.MaxConcurrentCalls is { } calls)
        {
            yield return Ours("proxylessmesh.concurrency_limit", new ConcurrencyLimit { MaxCalls = (uint)calls });
        }

        if (limits.AdaptiveConcurrency is { } adaptive)
        {
            yield return ListenerTranslator.Filter("envoy.filters.http.adaptive_concurrency", Adaptive(adaptive));
        }
    }

    // Narrowest first, as with PeerAuthentication; manifests are in the order of their age.
    private static InboundLimitsManifest? Of(ManifestSet manifests, Workload workload)
        => manifests.InboundLimits
            .Where(limits => (limits.Namespace == workload.Namespace || (limits.Namespace == HostNames.RootNamespace && limits.Selector.IsEmpty)) && limits.Selector.Selects(workload.Labels))
            .OrderBy(limits => limits.Selector.IsEmpty)
            .ThenBy(limits => limits.Namespace != workload.Namespace)
            .FirstOrDefault();

    private static CallerRateLimit RateLimit(InboundRateLimit rate, TrustDomainNames trustDomains) => new()
    {
        Total = rate.Total is { } total ? Bucket(total) : null,
        PerCaller = rate.PerCaller is { } each ? Bucket(each) : null,
        Callers =
        {
            from caller in rate.Callers
            from name in PrincipalTranslator.IdentityMatchers(caller.Principal, trustDomains)
            select new CallerRateLimit.Types.Caller { Caller_ = name, Bucket = Bucket(caller.Bucket) },
        },
        Status = (uint)rate.Status,
    };

    private static Envoy.Type.V3.TokenBucket Bucket(TokenBucket bucket) => new()
    {
        MaxTokens = (uint)bucket.Burst,
        TokensPerFill = (uint)bucket.Calls,
        FillInterval = bucket.Per.ToDuration(),
    };

    private static Envoy.Extensions.Filters.Http.AdaptiveConcurrency.V3.AdaptiveConcurrency Adaptive(Manifests.Kinds.AdaptiveConcurrency adaptive) => new()
    {
        GradientControllerConfig = new GradientControllerConfig
        {
            SampleAggregatePercentile = new Percent { Value = adaptive.Percentile },
            ConcurrencyLimitParams = new GradientControllerConfig.Types.ConcurrencyLimitCalculationParams
            {
                MaxConcurrencyLimit = (uint)adaptive.MaxConcurrency,
                ConcurrencyUpdateInterval = adaptive.UpdateInterval.ToDuration(),
            },
            MinRttCalcParams = new GradientControllerConfig.Types.MinimumRTTCalculationParams
            {
                Interval = adaptive.MeasureInterval.ToDuration(),
                RequestCount = (uint)adaptive.MeasureCalls,
                MinConcurrency = (uint)adaptive.MinConcurrency,
                Buffer = new Percent { Value = adaptive.BufferPercent },
            },
        },
    };

    // gRPC servers refuse a filter that they do not know, unless it is optional.
    private static HttpFilter Ours(string name, IMessage config)
    {
        var filter = ListenerTranslator.Filter(name, config);
        filter.IsOptional = true;
        return filter;
    }
}
