using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>
/// Answers callers who have proved nothing: slower each time. Logged and audited with the address it came from: each reason once in a
/// burst, and the length of the burst as it grows.
/// </summary>
internal sealed partial class Refusals(RefusalLimiter limiter, AuditLog audit, ILogger<Refusals> logger)
{
    /// <summary>Waits as long as the caller's address has earned, then gives what is to be thrown.</summary>
    public async Task<RpcException> RefuseAsync(ServerCallContext context, StatusCode code, string why)
    {
        var address = context.GetHttpContext().Connection.RemoteIpAddress;
        var refusals = await limiter.RefuseAsync(address, context.CancellationToken);
        if (refusals == 0)
        {
            return new RpcException(new Status(StatusCode.ResourceExhausted, "Too many refused attempts from this address are waiting."));
        }

        if (limiter.IsTold(address, why, refusals))
        {
            LogRefused(address, why, refusals);
            audit.Write(audit.Now("refused") with { Address = address?.ToString(), Reason = why, Count = refusals });
        }

        return new RpcException(new Status(code, why));
    }

    /// <summary>What a caller sends goes into logs and answers cut short.</summary>
    public static string Short(string text) => text.Length <= 128 ? text : text[..128] + "…";

    [LoggerMessage(6521, LogLevel.Warning, "Refused a certificate to {Address}: {Reason} Refusals of this address of late: {Refusals}.")]
    private partial void LogRefused(System.Net.IPAddress? address, string reason, int refusals);
}
