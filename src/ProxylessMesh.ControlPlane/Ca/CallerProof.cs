using Grpc.Core;
using ProxylessMesh.ControlPlane.Ca.Doors;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>
/// Decides which identity a caller of our own door has proved: by a join token, by a Kubernetes service-account token, or by the certificate
/// of its connection. Whatever else it says is only compared with that. Every refusal is logged with the caller's address.
/// </summary>
internal sealed class CallerProof(CertificateAuthority authority, JoinTokens tokens, ServiceAccountTokens serviceAccounts, Refusals refusals, TimeProvider time)
{
    /// <summary>The ID in the client certificate of the connection, if there is a valid one.</summary>
    public SpiffeId? Caller(ServerCallContext context) => MeshCallers.Find(context.GetHttpContext(), time);

    /// <summary>The identity to issue.</summary>
    /// <exception cref="RpcException">UNAUTHENTICATED, PERMISSION_DENIED or RESOURCE_EXHAUSTED, with what to do.</exception>
    public Task<SpiffeId> VerifyAsync(IssueIdentityRequest request, SigningRequest signingRequest, ServerCallContext context)
        => request.JoinToken.Length > 0 ? ByTokenAsync(request, signingRequest, context)
            : request.KubernetesToken.Length > 0 ? ByServiceAccountAsync(request, signingRequest, context)
            : ByCertificateAsync(request, signingRequest, context);

    /// <summary>Takes one use of a join token for an identity that it covers.</summary>
    public async Task RedeemAsync(string token, string namespaceName, string serviceAccount, SigningRequest signingRequest, ServerCallContext context)
    {
        var refusal = await tokens.RedeemAsync(token, namespaceName, serviceAccount, signingRequest.Key.ExportSubjectPublicKeyInfo(), context.CancellationToken) switch
        {
            JoinTokenVerdict.Good => null,
            JoinTokenVerdict.Expired => await refusals.RefuseAsync(context, StatusCode.Unauthenticated, "it has expired."),
            JoinTokenVerdict.UsedUp => await refusals.RefuseAsync(context, StatusCode.Unauthenticated, "it has no uses left."),
            JoinTokenVerdict.NotForThis => await refusals.RefuseAsync(context, StatusCode.PermissionDenied, "its join token is for another service account."),
            _ => await refusals.RefuseAsync(context, StatusCode.Unauthenticated, "it is not known here, or was revoked."),
        };
        if (refusal is not null)
        {
            throw refusal;
        }
    }

    /// <summary>The account that a service-account token proves.</summary>
    public async Task<SpiffeId> ReviewAsync(string token, ServerCallContext context)
    {
        var verdict = await serviceAccounts.ReviewAsync(token, context.CancellationToken);
        if (verdict.IsUnknown)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, verdict.Fault!));
        }

        return verdict.Fault is { } fault
            ? throw await refusals.RefuseAsync(context, StatusCode.Unauthenticated, fault)
            : SpiffeId.ForServiceAccount(authority.TrustDomain, verdict.Namespace, verdict.ServiceAccount);
    }

    /// <summary>Refuses what no workload may be, and a request that names something else than what was proved.</summary>
    public async Task CheckNamesAsync(SpiffeId granted, SigningRequest signingRequest, ServerCallContext context)
    {
        if (!signingRequest.IsWithin(granted))
        {
            throw await refusals.RefuseAsync(
                context, StatusCode.PermissionDenied, $"the certificate signing request names '{Refusals.Short(string.Join("', '", signingRequest.Uris))}' and {signingRequest.OtherNames} other name(s), and its proof is for '{granted}' alone.");
        }

        if (granted.Path.StartsWith($"/ns/{ControlPlaneIdentity.Namespace}/", StringComparison.Ordinal))
        {
            throw await refusals.RefuseAsync(context, StatusCode.PermissionDenied, $"namespace '{ControlPlaneIdentity.Namespace}' is the control plane's own.");
        }
    }

    private async Task<SpiffeId> ByTokenAsync(IssueIdentityRequest request, SigningRequest signingRequest, ServerCallContext context)
    {
        if (!SpiffeIdSyntax.IsSegment(request.Namespace) || !SpiffeIdSyntax.IsSegment(request.ServiceAccount))
        {
            throw await refusals.RefuseAsync(context, StatusCode.InvalidArgument, $"namespace '{Refusals.Short(request.Namespace)}' and service account '{Refusals.Short(request.ServiceAccount)}' make no SPIFFE ID.");
        }

        var asked = SpiffeId.ForServiceAccount(authority.TrustDomain, request.Namespace, request.ServiceAccount);
        await CheckNamesAsync(asked, signingRequest, context);
        await RedeemAsync(request.JoinToken, request.Namespace, request.ServiceAccount, signingRequest, context);
        return asked;
    }

    private async Task<SpiffeId> ByServiceAccountAsync(IssueIdentityRequest request, SigningRequest signingRequest, ServerCallContext context)
    {
        var proved = await ReviewAsync(request.KubernetesToken, context);
        await CheckNamesAsync(proved, signingRequest, context);
        return IsAsked(proved, request)
            ? proved
            : throw await refusals.RefuseAsync(context, StatusCode.PermissionDenied, $"the service-account token is for '{proved}'.");
    }

    private async Task<SpiffeId> ByCertificateAsync(IssueIdentityRequest request, SigningRequest signingRequest, ServerCallContext context)
    {
        var caller = Caller(context)
            ?? throw await refusals.RefuseAsync(context, StatusCode.Unauthenticated, "there is neither a token nor a valid certificate of this mesh.");
        await CheckNamesAsync(caller, signingRequest, context);
        return caller.TrustDomain == authority.TrustDomain && IsAsked(caller, request)
            ? caller
            : throw await refusals.RefuseAsync(context, StatusCode.PermissionDenied, $"the certificate is for '{caller}', and renewal keeps the identity.");
    }

    private static bool IsAsked(SpiffeId proved, IssueIdentityRequest request) => proved.Path == $"/ns/{request.Namespace}/sa/{request.ServiceAccount}";
}
