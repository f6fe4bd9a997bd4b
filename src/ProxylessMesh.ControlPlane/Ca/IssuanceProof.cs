using Grpc.Core;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>How somebody has proved an identity, for the ledger and the audit log.</summary>
/// <param name="By">The kind of proof: <c>join-token</c>, <c>certificate</c>, <c>kubernetes</c>, <c>unix</c>, <c>operator</c>.</param>
internal sealed record IssuanceProof(string By)
{
    /// <summary>The id of the join token; empty without one.</summary>
    public string Token { get; init; } = "";

    /// <summary>The serial number of the certificate that was shown; empty without one.</summary>
    public string Certificate { get; init; } = "";

    /// <summary>Where the caller is.</summary>
    public string Address { get; init; } = "";

    /// <summary>Of a gRPC call.</summary>
    /// <param name="context">The call.</param>
    /// <param name="joinToken">The text of the join token that was redeemed; empty without one.</param>
    /// <param name="otherwise">The kind of proof where it was no join token; without it, the connection's certificate.</param>
    public static IssuanceProof Of(ServerCallContext context, string joinToken, string? otherwise = null)
    {
        var connection = context.GetHttpContext().Connection;
        var address = connection.RemoteIpAddress?.ToString() ?? "";
        return joinToken.Length > 0 && JoinToken.TryParse(joinToken, out var token) ? new IssuanceProof("join-token") { Token = token.Id, Address = address }
            : otherwise is not null ? new IssuanceProof(otherwise) { Address = address }
            : new IssuanceProof("certificate") { Certificate = connection.ClientCertificate?.SerialNumber ?? "", Address = address };
    }
}
