using System.Collections.Frozen;
using ProxylessMesh.Xds;
using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Snapshots;

/// <summary>What the HTTP filters of a listener do on one side of one route: the most specific override wins (gRFC A39).</summary>
internal static class FilterSettings
{
    /// <returns>Null where nothing ever happens to a call.</returns>
    public static FaultConfig? Fault(XdsConfig config, params ReadOnlySpan<FrozenDictionary<string, HttpFilterConfig>> overrides)
    {
        var found = FaultConfig.None;
        foreach (var filter in config.Listener.Api?.Filters ?? [])
        {
            // One that does nothing may still say how many faults there are at once.
            if (filter is FaultFilterConfig && !Happens(found) && Override(filter, overrides) is FaultFilterConfig { Fault: var fault })
            {
                found = fault;
            }
        }

        // What Envoy's filter cannot do; no filter needs to be there for it.
        foreach (var level in overrides)
        {
            if (level.GetValueOrDefault(FaultDecoder.ExperimentName) is FaultFilterConfig { Fault: var own })
            {
                found = found with
                {
                    Exception = own.Exception,
                    ExceptionFraction = own.ExceptionFraction,
                    CutAfterBytes = own.CutAfterBytes,
                    CutFraction = own.CutFraction,
                    Until = own.Until,
                };
                break;
            }
        }

        return Happens(found) ? found : null;
    }

    public static SessionConfig? Session(XdsConfig config, params ReadOnlySpan<FrozenDictionary<string, HttpFilterConfig>> overrides)
    {
        foreach (var filter in config.Listener.Api?.Filters ?? [])
        {
            if (filter is StatefulSessionFilterConfig && Override(filter, overrides) is StatefulSessionFilterConfig { Session: { } session })
            {
                return session;
            }
        }

        return null;
    }

    /// <summary>The fault concerns answers, not only calls.</summary>
    public static bool FaultsAnswers(FaultConfig? fault)
        => fault is not null && ((fault.ResponseFraction.PerMillion > 0 && fault.ResponseBytesPerSecond is not null) || (fault.CutFraction.PerMillion > 0 && fault.CutAfterBytes is not null));

    private static HttpFilterConfig Override(HttpFilterConfig filter, ReadOnlySpan<FrozenDictionary<string, HttpFilterConfig>> overrides)
    {
        foreach (var level in overrides)
        {
            if (level.TryGetValue(filter.Name, out var replacement))
            {
                return replacement;
            }
        }

        return filter;
    }

    private static bool Happens(FaultConfig fault)
        => (fault.DelayFraction.PerMillion > 0 && (fault.Delay is not null || fault.DelayByHeader))
            || (fault.AbortFraction.PerMillion > 0 && ((fault.AbortHttpStatus ?? fault.AbortGrpcStatus) is not null || fault.AbortByHeader))
            || FaultsAnswers(fault)
            || (fault.ExceptionFraction.PerMillion > 0 && fault.Exception is not null);
}
