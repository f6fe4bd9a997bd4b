using Grpc.Core;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>
/// Decides which identity a caller has proved: by a join token, or by the certificate of its connection. Whatever else it says is only
/// compared with that. Every refusal is logged with the caller's address.
/// </summary>
internal sealed partial class CallerProof(CertificateAuthority authority, JoinTokens tokens, RefusalLimiter limiter, TimeProvider time, ILogger<CallerProof> logger)
{
    /// <summary>The ID in the client certificate of the connection, if there is a valid one.</summary>
    public SpiffeId? Caller(ServerCallContext context) => MeshCallers.Find(context.GetHttpContext(), time);

    /// <summary>The identity to issue.</summary>
    /// <exception cref="RpcException">UNAUTHENTICATED, PERMISSION_DENIED or RESOURCE_EXHAUSTED, with what to do.</exception>
    public async Task<SpiffeId> VerifyAsync(IssueIdentityRequest request, SigningRequest signingRequest, ServerCallContext context)
        => request.JoinToken.Length > 0 ? await ByTokenAsync(request, signingRequest, context) : await ByCertificateAsync(request, signingRequest, context);

    private async Task<SpiffeId> ByTokenAsync(IssueIdentityRequest request, SigningRequest signingRequest, ServerCallContext context)
    {
        if (!SpiffeIdSyntax.IsSegment(request.Namespace) || !SpiffeIdSyntax.IsSegment(request.ServiceAccount))
        {
            throw await RefuseAsync(context, StatusCode.InvalidArgument, $"namespace '{Short(request.Namespace)}' and service account '{Short(request.ServiceAccount)}' make no SPIFFE ID.");
        }

        var asked = SpiffeId.ForServiceAccount(authority.TrustDomain, request.Namespace, request.ServiceAccount);
        await CheckNamesAsync(asked, signingRequest, context);
        if (request.Namespace == ControlPlaneIdentity.Namespace)
        {
            throw await RefuseAsync(context, StatusCode.PermissionDenied, $"namespace '{ControlPlaneIdentity.Namespace}' is the control plane's own.");
        }

        return await tokens.RedeemAsync(request.JoinToken, request.Namespace, request.ServiceAccount, signingRequest.Key.ExportSubjectPublicKeyInfo(), context.CancellationToken) switch
        {
            JoinTokenVerdict.Good => asked,
            JoinTokenVerdict.Expired => throw await RefuseAsync(context, StatusCode.Unauthenticated, "it has expired."),
            JoinTokenVerdict.UsedUp => throw await RefuseAsync(context, StatusCode.Unauthenticated, "it has no uses left."),
            JoinTokenVerdict.NotForThis => throw await RefuseAsync(context, StatusCode.PermissionDenied, "its join token is for another service account."),
            _ => throw await RefuseAsync(context, StatusCode.Unauthenticated, "it is not known here, or was revoked."),
        };
    }

    private async Task<SpiffeId> ByCertificateAsync(IssueIdentityRequest request, SigningRequest signingRequest, ServerCallContext context)
    {
        var caller = Caller(context)
            ?? throw await RefuseAsync(context, StatusCode.Unauthenticated, "there is neither a join token nor a valid certificate of this mesh.");
        await CheckNamesAsync(caller, signingRequest, context);
        var isAsked = caller.TrustDomain == authority.TrustDomain && caller.Path == $"/ns/{request.Namespace}/sa/{request.ServiceAccount}";
        if (!isAsked || ControlPlaneIdentity.Is(caller, authority.TrustDomain))
        {
            throw await RefuseAsync(context, StatusCode.PermissionDenied, $"the certificate is for '{caller}', and renewal keeps the identity.");
        }

        return caller;
    }

    private async Task CheckNamesAsync(SpiffeId granted, SigningRequest signingRequest, ServerCallContext context)
    {
        if (!signingRequest.IsWithin(granted))
        {
            throw await RefuseAsync(
                context, StatusCode.PermissionDenied, $"the certificate signing request names '{Short(string.Join("', '", signingRequest.Uris))}' and {signingRequest.OtherNames} other name(s), and its proof is for '{granted}' alone.");
        }
    }

    private async Task<RpcException> RefuseAsync(ServerCallContext context, StatusCode code, string why)
    {
        var address = context.GetHttpContext().Connection.RemoteIpAddress;
        var refusals = await limiter.RefuseAsync(address, context.CancellationToken);
        if (refusals == 0)
        {
            return new RpcException(new Status(StatusCode.ResourceExhausted, "Too many refused attempts from this address are waiting."));
        }

        LogRefused(address, why, refusals);
        return new RpcException(new Status(code, why));
    }

    // What a caller sends goes into logs and answers cut short.
    private static string Short(string text) => text.Length <= 128 ? text : text[..128] + "…";

    [LoggerMessage(6521, LogLevel.Warning, "Refused a certificate to {Address}: {Reason} Refusals of this address of late: {Refusals}.")]
    private partial void LogRefused(System.Net.IPAddress? address, string reason, int refusals);
}
