using System.Security.Cryptography;
using ProxylessMesh.Protos.V1;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// First contact: asks an unverified server for the mesh's roots and takes the one whose hash the join token carries. Nothing secret has
/// been sent by then; the token goes only to a server that proves itself by that root.
/// </summary>
internal static class ControlPlaneRoots
{
    /// <exception cref="IdentityException"><see cref="IdentityError.ControlPlaneNotTrusted"/>: no root of that hash.</exception>
    /// <exception cref="Grpc.Core.RpcException">The call failed.</exception>
    public static async Task<TrustBundleSet> FetchAsync(Uri controlPlane, JoinToken token, CancellationToken cancellationToken)
    {
        using var handler = ControlPlaneTransport.Create(SpiffeTls.ForEnrolment(null, ControlPlaneIdentity.ServiceAccount, ControlPlaneTransport.Protocols));
        using var channel = ControlPlaneTransport.Open(controlPlane, handler);
        var answer = await new IdentityService.IdentityServiceClient(channel)
            .GetTrustBundleAsync(new GetTrustBundleRequest(), cancellationToken: cancellationToken).ConfigureAwait(false);

        var bundle = IdentityAnswer.ReadBundle(answer, IdentityError.BadAnswer);
        foreach (var root in bundle.Authorities)
        {
            if (CryptographicOperations.FixedTimeEquals(SHA256.HashData(root.RawDataMemory.Span), token.RootHash.Span))
            {
                return new TrustBundleSet([new TrustBundle(bundle.TrustDomain, [root])]);
            }
        }

        throw new IdentityException(
            IdentityError.ControlPlaneNotTrusted,
            $"The server at {controlPlane} has {bundle.Authorities.Length} root(s) of '{bundle.TrustDomain}', but not the one that join token '{token.Id}' was made for. Either the address leads to another control plane, or its CA was made anew: create a token there with 'mesh token create'.");
    }
}
