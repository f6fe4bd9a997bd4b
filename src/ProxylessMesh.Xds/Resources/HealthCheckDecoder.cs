using System.Collections.Immutable;
using Envoy.Config.Core.V3;

namespace ProxylessMesh.Xds.Resources;

/// <summary>Active health checks: by HTTP, gRPC or a connection. A part of a check that cannot be made is refused: an endpoint would pass that must not.</summary>
internal static class HealthCheckDecoder
{
    public static ImmutableArray<HealthCheckConfig> Decode(IReadOnlyList<HealthCheck> wire, DecodeErrors errors)
    {
        if (wire.Count == 0)
        {
            return [];
        }

        var checks = ImmutableArray.CreateBuilder<HealthCheckConfig>(wire.Count);
        for (var i = 0; i < wire.Count; i++)
        {
            using (errors.In("health_checks", i))
            {
                if (Check(wire[i], errors) is { } check)
                {
                    checks.Add(check);
                }
            }
        }

        return checks.ToImmutable();
    }

    private static HealthCheckConfig? Check(HealthCheck wire, DecodeErrors errors)
    {
        Refuse("alt_port", wire.AltPort is not null, errors);
        Refuse("tls_options", wire.TlsOptions is not null, errors);
        Refuse("transport_socket_match_criteria", wire.TransportSocketMatchCriteria is not null, errors);
        var interval = Required(wire.Interval, "interval", errors);
        var jitter = ValueDecoder.Duration(wire.IntervalJitter, "interval_jitter", errors) ?? TimeSpan.Zero;
        var percent = ValueDecoder.Percent(wire.IntervalJitterPercent, 0, "interval_jitter_percent", errors);
        return What(wire, errors) is not { } check ? null : check with
        {
            Timeout = Required(wire.Timeout, "timeout", errors),
            Interval = interval,
            IntervalJitter = jitter + (interval * (percent / 100.0)),
            UnhealthyThreshold = Threshold(wire.UnhealthyThreshold, "unhealthy_threshold", errors),
            HealthyThreshold = Threshold(wire.HealthyThreshold, "healthy_threshold", errors),
        };
    }

    private static HealthCheckConfig? What(HealthCheck wire, DecodeErrors errors)
    {
        switch (wire.HealthCheckerCase)
        {
            case HealthCheck.HealthCheckerOneofCase.HttpHealthCheck:
                using (errors.In("http_health_check"))
                {
                    return Http(wire.HttpHealthCheck, errors);
                }

            case HealthCheck.HealthCheckerOneofCase.GrpcHealthCheck:
                Refuse("grpc_health_check.initial_metadata", wire.GrpcHealthCheck.InitialMetadata.Count > 0, errors);
                return new HealthCheckConfig { Kind = HealthCheckKind.Grpc, GrpcService = wire.GrpcHealthCheck.ServiceName, Host = wire.GrpcHealthCheck.Authority };
            case HealthCheck.HealthCheckerOneofCase.TcpHealthCheck:
                Refuse("tcp_health_check.send", wire.TcpHealthCheck.Send is not null, errors);
                Refuse("tcp_health_check.receive", wire.TcpHealthCheck.Receive.Count > 0, errors);
                return new HealthCheckConfig { Kind = HealthCheckKind.Tcp };
            default:
                errors.Add("has no health_checker that this version knows (http_health_check, grpc_health_check or tcp_health_check)");
                return null;
        }
    }

    private static HealthCheckConfig Http(HealthCheck.Types.HttpHealthCheck wire, DecodeErrors errors)
    {
        Refuse("send", wire.Send is not null, errors);
        Refuse("receive", wire.Receive.Count > 0, errors);
        Refuse("request_headers_to_add", wire.RequestHeadersToAdd.Count > 0, errors);
        Refuse("request_headers_to_remove", wire.RequestHeadersToRemove.Count > 0, errors);
        Refuse("service_name_matcher", wire.ServiceNameMatcher is not null, errors);
        Refuse("retriable_statuses", wire.RetriableStatuses.Count > 0, errors);
        if (wire.Method is not (RequestMethod.MethodUnspecified or RequestMethod.Get))
        {
            errors.Add("method", wire.Method, "is not supported by this version; use GET");
        }

        if (!wire.Path.StartsWith('/') || wire.Path.AsSpan().ContainsAnyInRange('\0', ' '))
        {
            errors.Add("path", wire.Path, "must begin with '/' and have no spaces");
        }

        var statuses = ImmutableArray.CreateBuilder<(int, int)>(wire.ExpectedStatuses.Count);
        foreach (var range in wire.ExpectedStatuses)
        {
            if (range.Start < 100 || range.End > 600 || range.End <= range.Start)
            {
                errors.Add("expected_statuses", $"{range.Start} to {range.End}", "must be a range within 100 to 600, its start below its end");
                continue;
            }

            statuses.Add(((int)range.Start, (int)range.End));
        }

        return new HealthCheckConfig { Kind = HealthCheckKind.Http, Path = wire.Path, Host = wire.Host, ExpectedStatuses = statuses.ToImmutable() };
    }

    private static TimeSpan Required(Google.Protobuf.WellKnownTypes.Duration? value, string field, DecodeErrors errors)
    {
        if (value is null)
        {
            errors.AddMissing(field);
        }

        return ValueDecoder.PositiveDuration(value, field, errors) ?? TimeSpan.FromSeconds(1);
    }

    private static int Threshold(uint? value, string field, DecodeErrors errors)
    {
        if (value is null)
        {
            errors.AddMissing(field);
        }

        return (int)Math.Clamp(value ?? 1, 1, int.MaxValue);
    }

    private static void Refuse(string field, bool isSet, DecodeErrors errors)
    {
        if (isSet)
        {
            errors.Add(field, "set", "is not supported by this version");
        }
    }
}
