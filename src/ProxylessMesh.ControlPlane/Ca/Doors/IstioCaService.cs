using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using IstioCa;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca.Doors;

/// <summary>
/// Istio's certificate service, so that agents made for Istio get their certificates here. The identity follows from the proof alone; what
/// else is asked for (names in the request, another identity in the metadata) is refused where it differs.
/// </summary>
internal sealed partial class IstioCaService(SvidIssuer issuer, BearerProof proof, ILogger<IstioCaService> logger)
    : IstioCertificateService.IstioCertificateServiceBase
{
    /// <summary>The longest lifetime that may be asked for; what is longer is refused, as Istio's CA does.</summary>
    public static readonly TimeSpan MaxLifetime = TimeSpan.FromDays(90);

    // Names of Istio's, in the request's metadata.
    private const string Impersonation = "ImpersonatedIdentity";
    private const string Signer = "CertSigner";

    public override async Task<IstioCertificateResponse> CreateCertificate(IstioCertificateRequest request, ServerCallContext context)
    {
        var caller = await proof.FindAsync(context);
        if (Text(request, Impersonation).Length > 0)
        {
            throw await proof.RefuseAsync(context, StatusCode.Unauthenticated, $"it asks for the certificate of '{Refusals.Short(Text(request, Impersonation))}', and nobody may stand in for another.");
        }

        var signingRequest = SigningRequest.TryReadPem(request.Csr, out var fault)
            ?? throw new RpcException(new Status(StatusCode.InvalidArgument, $"The certificate signing request is refused: {fault}."));
        if (Text(request, Signer).Length > 0)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"There is one signer here, the mesh's own. Leave {Signer} out of the metadata."));
        }

        var lifetime = Lifetime(request.ValidityDuration);
        var id = await proof.RedeemAsync(caller, signingRequest, context);
        return Sign(id, signingRequest, lifetime, IssuanceProof.Of(context, caller.Token, caller.Proof));
    }

    private static string Text(IstioCertificateRequest request, string name)
        => request.Metadata is { } metadata && metadata.Fields.TryGetValue(name, out var value) ? value.StringValue : "";

    // Zero and less ask for the default, as with Istio.
    private static TimeSpan? Lifetime(long seconds)
    {
        if (seconds > MaxLifetime.TotalSeconds)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"validity_duration is {seconds} seconds. It may be {MaxLifetime.TotalSeconds:0} at most; 0 asks for the default."));
        }

        return seconds <= 0 ? null : TimeSpan.FromSeconds(seconds);
    }

    private IstioCertificateResponse Sign(SpiffeId id, SigningRequest signingRequest, TimeSpan? lifetime, IssuanceProof by)
    {
        try
        {
            using var svid = issuer.Issue(id, signingRequest, lifetime, by);
            var answer = new IstioCertificateResponse();
            answer.CertChain.AddRange(svid.Chain.Select(Pem));

            // Agents take the last element for what they trust: all roots of our own, while there are two.
            answer.CertChain.Add(string.Concat(svid.Trust.Bundles.Bundles.Where(bundle => bundle.TrustDomain == id.TrustDomain).SelectMany(static bundle => bundle.Authorities).Select(Pem)));
            return answer;
        }
        catch (IssuanceRefusedException error)
        {
            throw new RpcException(new Status(StatusCode.PermissionDenied, error.Message));
        }
        catch (Exception error) when (error is CryptographicException or ArgumentException)
        {
            LogNotSigned(id, error);
            throw new RpcException(new Status(StatusCode.Internal, "The certificate could not be signed; the control plane's log says why."));
        }
    }

    // Some clients simply join the elements: each ends its line.
    private static string Pem(X509Certificate2 certificate) => certificate.ExportCertificatePem() + "\n";

    [LoggerMessage(6531, LogLevel.Error, "No certificate was signed for {Caller}.")]
    private partial void LogNotSigned(SpiffeId caller, Exception error);
}
