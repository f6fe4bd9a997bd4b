using System.Collections.Frozen;
using Envoy.Extensions.Filters.Common.Fault.V3;
using Envoy.Extensions.Filters.Http.Fault.V3;
using Google.Protobuf.WellKnownTypes;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Xds.Matching;

namespace ProxylessMesh.Xds.Resources;

/// <summary>The fault filter (gRFC A33, Envoy's headers and response rate limit) and our experiments on top of it.</summary>
internal static class FaultDecoder
{
    /// <summary>The key of our overrides in <c>typed_per_filter_config</c>.</summary>
    public const string ExperimentName = "proxylessmesh.fault";

    private const int HundredthsPerMillion = 10_000;

    public static FaultConfig Decode(HTTPFault wire, DecodeErrors errors)
    {
        if (wire.UpstreamCluster.Length > 0)
        {
            errors.Add("upstream_cluster", wire.UpstreamCluster, "is not supported by this version; override the filter on the side of the split that goes there");
        }

        var fault = Throughput(wire.ResponseRateLimit, Abort(wire.Abort, Delay(wire.Delay, FaultConfig.None, errors), errors), errors);
        return fault with { MaxActiveFaults = wire.MaxActiveFaults, Headers = MatcherDecoder.Headers(wire.Headers, "headers", errors) };
    }

    public static FaultConfig Experiment(FaultExperiment wire, DecodeErrors errors)
    {
        if (wire.Until is null)
        {
            errors.AddMissing("until");
        }

        if (wire.Exception is < 0 or > FaultExperiment.Types.Exception.Timeout)
        {
            errors.Add("exception", (int)wire.Exception, "is not an exception that this version knows");
        }

        return new FaultConfig
        {
            Exception = wire.Exception switch
            {
                FaultExperiment.Types.Exception.ConnectionRefused => FaultException.ConnectionRefused,
                FaultExperiment.Types.Exception.NameResolution => FaultException.NameResolution,
                FaultExperiment.Types.Exception.Tls => FaultException.Tls,
                FaultExperiment.Types.Exception.ResponseEnded => FaultException.ResponseEnded,
                FaultExperiment.Types.Exception.Timeout => FaultException.Timeout,
                _ => null,
            },
            ExceptionFraction = new FractionMatcher(ValueDecoder.PerMillion(wire.ExceptionPercentage, "exception_percentage", errors)),
            CutAfterBytes = wire.HasCutAfterBytes ? (long)Math.Min(wire.CutAfterBytes, long.MaxValue) : null,
            CutFraction = new FractionMatcher(ValueDecoder.PerMillion(wire.CutPercentage, "cut_percentage", errors)),
            Until = Until(wire.Until, errors),
        };
    }

    /// <summary>An experiment's end is also the end of the faults that stand beside it.</summary>
    public static FrozenDictionary<string, HttpFilterConfig> EndTogether(Dictionary<string, HttpFilterConfig> overrides)
    {
        if (overrides.GetValueOrDefault(ExperimentName) is FaultFilterConfig { Fault.Until: { } until })
        {
            foreach (var (name, filter) in overrides.ToArray())
            {
                if (filter is FaultFilterConfig { Fault.Until: null } fault)
                {
                    overrides[name] = fault with { Fault = fault.Fault with { Until = until } };
                }
            }
        }

        return overrides.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static FaultConfig Delay(FaultDelay? wire, FaultConfig fault, DecodeErrors errors)
    {
        if (wire is null)
        {
            return fault;
        }

        return fault with
        {
            Delay = ValueDecoder.PositiveDuration(wire.FixedDelay, "delay.fixed_delay", errors),
            DelayByHeader = wire.HeaderDelay is not null,
            DelayFraction = new FractionMatcher(ValueDecoder.PerMillion(wire.Percentage, "delay.percentage", errors)),
            DelayHeaderScale = wire.Percentage is null ? HundredthsPerMillion : ValueDecoder.Scale(wire.Percentage),
        };
    }

    private static FaultConfig Abort(FaultAbort? wire, FaultConfig fault, DecodeErrors errors)
    {
        if (wire is null)
        {
            return fault;
        }

        var http = wire.ErrorTypeCase == FaultAbort.ErrorTypeOneofCase.HttpStatus ? (int?)(int)wire.HttpStatus : null;
        if (http is not null and (< 200 or > 599))
        {
            errors.Add("abort.http_status", wire.HttpStatus, "must be 200 to 599");
        }

        // A33: a gRPC status beyond the known ones would reach the application as it is.
        var grpc = wire.ErrorTypeCase == FaultAbort.ErrorTypeOneofCase.GrpcStatus ? (int?)(int)wire.GrpcStatus : null;
        if (grpc is not null and (< 0 or > 16))
        {
            errors.Add("abort.grpc_status", wire.GrpcStatus, "must be 0 to 16");
        }

        return fault with
        {
            AbortHttpStatus = http,
            AbortGrpcStatus = grpc,
            AbortByHeader = wire.ErrorTypeCase == FaultAbort.ErrorTypeOneofCase.HeaderAbort,
            AbortFraction = new FractionMatcher(ValueDecoder.PerMillion(wire.Percentage, "abort.percentage", errors)),
            AbortHeaderScale = wire.Percentage is null ? HundredthsPerMillion : ValueDecoder.Scale(wire.Percentage),
        };
    }

    private static FaultConfig Throughput(FaultRateLimit? wire, FaultConfig fault, DecodeErrors errors)
    {
        const ulong MaxKib = long.MaxValue / 1024;
        if (wire is null)
        {
            return fault;
        }

        if (wire.LimitTypeCase == FaultRateLimit.LimitTypeOneofCase.HeaderLimit)
        {
            errors.Add("response_rate_limit.header_limit", "set", "is not supported by this version; use fixed_limit");
        }
        else if (wire.FixedLimit is null or { LimitKbps: 0 })
        {
            errors.Add("response_rate_limit.fixed_limit.limit_kbps", wire.FixedLimit?.LimitKbps ?? 0, "must be >= 1");
        }

        // Envoy's "kbps" is KiB per second.
        return fault with
        {
            ResponseBytesPerSecond = (long)(Math.Clamp(wire.FixedLimit?.LimitKbps ?? 1, 1, MaxKib) * 1024),
            ResponseFraction = new FractionMatcher(ValueDecoder.PerMillion(wire.Percentage, "response_rate_limit.percentage", errors)),
        };
    }

    private static DateTimeOffset? Until(Timestamp? wire, DecodeErrors errors)
    {
        if (wire is null)
        {
            return null;
        }

        try
        {
            return wire.ToDateTimeOffset();
        }
        catch (InvalidOperationException)
        {
            errors.Add("until", $"{wire.Seconds}s {wire.Nanos}ns", "is no moment in time");
            return null;
        }
    }
}
