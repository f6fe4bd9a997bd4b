using Grpc.Core;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca.Doors;

/// <summary>
/// Decides who a caller of Istio's door is: by the certificate of its connection, else by the bearer token in the metadata, which is a
/// Kubernetes service-account token or one of our join tokens. In two steps, so that a malformed request costs no use of a token.
/// </summary>
internal sealed class BearerProof(CertificateAuthority authority, JoinTokens tokens, CallerProof proof, Refusals refusals)
{
    private const string Scheme = "Bearer ";

    /// <summary>Finds out who calls.</summary>
    /// <exception cref="RpcException">UNAUTHENTICATED: nobody that is known here.</exception>
    public async Task<BearerCaller> FindAsync(ServerCallContext context)
    {
        if (proof.Caller(context) is { } caller && caller.TrustDomain == authority.TrustDomain)
        {
            return new BearerCaller(caller, "", null);
        }

        var header = context.RequestHeaders.GetValue("authorization") ?? "";
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            throw await refusals.RefuseAsync(context, StatusCode.Unauthenticated, "there is neither a bearer token nor a valid certificate of this mesh.");
        }

        var token = header[Scheme.Length..].Trim();
        if (!JoinToken.TryParse(token, out _))
        {
            return new BearerCaller(await proof.ReviewAsync(token, context), "", null) { Proof = "kubernetes" };
        }

        return await tokens.FindAsync(token, context.CancellationToken) is { } bound
            ? new BearerCaller(null, token, bound)
            : throw await refusals.RefuseAsync(context, StatusCode.Unauthenticated, "the join token is not known here, or was revoked.");
    }

    /// <summary>The identity to issue; takes one use of a join token.</summary>
    /// <exception cref="RpcException">UNAUTHENTICATED or PERMISSION_DENIED.</exception>
    public async Task<SpiffeId> RedeemAsync(BearerCaller caller, SigningRequest signingRequest, ServerCallContext context)
    {
        var id = caller.Id ?? await AskedAsync(caller.Bound!, signingRequest, context);
        await proof.CheckNamesAsync(id, signingRequest, context);
        if (caller.Bound is not null)
        {
            // IDs of service accounts, by the way they were made: /ns/…/sa/….
            var parts = id.Path.Split('/');
            await proof.RedeemAsync(caller.Token, parts[2], parts[4], signingRequest, context);
        }

        return id;
    }

    public Task<RpcException> RefuseAsync(ServerCallContext context, StatusCode code, string why) => refusals.RefuseAsync(context, code, why);

    // Istio's request has no field for it: a token for any account needs the name in the signing request.
    private async Task<SpiffeId> AskedAsync(JoinTokenSummary bound, SigningRequest signingRequest, ServerCallContext context)
    {
        if (bound.Namespace != JoinTokens.Any && bound.ServiceAccount != JoinTokens.Any)
        {
            return SpiffeId.ForServiceAccount(authority.TrustDomain, bound.Namespace, bound.ServiceAccount);
        }

        if (signingRequest.Uris is [var uri] && SpiffeId.TryParse(uri, out var asked)
            && asked.TrustDomain == authority.TrustDomain && asked.Path.Split('/') is ["", "ns", _, "sa", _])
        {
            return asked;
        }

        throw await refusals.RefuseAsync(context, StatusCode.PermissionDenied, "the join token covers several accounts, and the certificate signing request does not name one of them as its URI.");
    }
}
