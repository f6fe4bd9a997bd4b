using Google.Protobuf.WellKnownTypes;
using Options = Envoy.Config.Rbac.V3.RBAC.Types.AuditLoggingOptions;

namespace ProxylessMesh.Xds.Resources;

/// <summary>
/// <c>audit_logging_options</c> (gRFC A59). Denials are recorded in any case; what can be asked for besides is that calls that are let in
/// are. A logger that must be there and is not known is refused: its records would be missing.
/// </summary>
internal static class AuditDecoder
{
    private const string StandardOutput = "type.googleapis.com/envoy.extensions.rbac.audit_loggers.stream.v3.StdoutAuditLog";

    public static bool AuditsAllowed(Options? options, DecodeErrors errors, Func<Any, bool>? knowsLogger)
    {
        if (options is null)
        {
            return false;
        }

        var hasLogger = false;
        for (var i = 0; i < options.LoggerConfigs.Count; i++)
        {
            var logger = options.LoggerConfigs[i];
            var config = logger.AuditLogger?.TypedConfig;
            if (config is not null && (config.TypeUrl == StandardOutput || knowsLogger?.Invoke(config) == true))
            {
                hasLogger = true;
            }
            else if (!logger.IsOptional)
            {
                errors.Add($"audit_logging_options.logger_configs[{i}].audit_logger", config?.TypeUrl ?? "unset", "is a logger that this version does not know, and it is not optional");
            }
        }

        return hasLogger && options.AuditCondition is Options.Types.AuditCondition.OnAllow or Options.Types.AuditCondition.OnDenyAndAllow;
    }
}
