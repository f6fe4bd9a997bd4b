using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>Issues certificates for proof, and signs snapshots for workloads that have one (identity.proto).</summary>
internal sealed partial class MeshIdentityService(
    CertificateAuthority authority, SvidIssuer issuer, TrustWatches watches, CallerProof proof, SnapshotSigner signer, TimeProvider time, ILogger<MeshIdentityService> logger, ISnapshotContentSource? contents = null)
    : IdentityService.IdentityServiceBase
{
    public override Task<TrustDomainBundle> GetTrustBundle(GetTrustBundleRequest request, ServerCallContext context) => Task.FromResult(IdentityAnswer.Write(authority.Bundle));

    public override async Task<IssueIdentityResponse> IssueIdentity(IssueIdentityRequest request, ServerCallContext context)
    {
        // First what costs no use of a token.
        var signingRequest = SigningRequest.TryRead(request.CertificateSigningRequest.Span, out var fault)
            ?? throw new RpcException(new Status(StatusCode.InvalidArgument, $"The certificate signing request is refused: {fault}."));
        var id = await proof.VerifyAsync(request, signingRequest, context);

        try
        {
            using var svid = issuer.Issue(id, signingRequest, null, IssuanceProof.Of(context, request.JoinToken, request.KubernetesToken.Length > 0 ? "kubernetes" : null));
            var answer = new IssueIdentityResponse
            {
                SpiffeId = id.ToString(),
                RenewAfter = Duration.FromTimeSpan((svid.ExpiresAt - time.GetUtcNow()) / 2),
                ControlPlaneSpiffeId = ControlPlaneIdentity.In(authority.TrustDomain).ToString(),
            };
            answer.CertificateChain.AddRange(svid.Chain.Select(static certificate => ByteString.CopyFrom(certificate.RawData)));
            answer.Bundles.AddRange(svid.Trust.Bundles.Bundles.Select(IdentityAnswer.Write));
            return answer;
        }
        catch (IssuanceRefusedException error)
        {
            throw new RpcException(new Status(StatusCode.PermissionDenied, error.Message));
        }
    }

    public override Task WatchTrustBundles(IAsyncStreamReader<WatchTrustBundlesRequest> requestStream, IServerStreamWriter<TrustBundles> responseStream, ServerCallContext context)
        => watches.RunAsync(
            proof.Caller(context) ?? throw new RpcException(new Status(StatusCode.Unauthenticated, "Bundles are sent to workloads with a certificate of this mesh.")), requestStream, responseStream, context);

    public override async Task<SignSnapshotResponse> SignSnapshot(SignSnapshotRequest request, ServerCallContext context)
    {
        if (contents is null)
        {
            throw new RpcException(new Status(StatusCode.Unimplemented, "This control plane issues identities only."));
        }

        var caller = proof.Caller(context)
            ?? throw new RpcException(new Status(StatusCode.Unauthenticated, "Snapshots are signed for workloads with a certificate of this mesh."));
        var resources = await contents.GetAsync(caller, request.NodeId, request.Subscribed, context.CancellationToken);
        try
        {
            return new SignSnapshotResponse { Cms = UnsafeByteOperations.UnsafeWrap(signer.Sign(caller, resources)) };
        }
        catch (MeshControlPlaneException error)
        {
            LogNotSigned(caller, error);
            throw new RpcException(new Status(StatusCode.Unavailable, "The snapshot could not be signed; the control plane's log says why."));
        }
    }

    [LoggerMessage(6520, LogLevel.Error, "No snapshot was signed for {Caller}.")]
    private partial void LogNotSigned(SpiffeId caller, Exception error);
}
