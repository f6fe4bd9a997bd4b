using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Admin;

/// <summary><c>/api/v1/ca</c>: the CA's keys, their change, certificates for operators, revoked identities.</summary>
internal static class CaEndpoints
{
    private const int MaxMissing = 100;

    public static void MapCa(this IEndpointRouteBuilder api)
    {
        api.MapGet("/ca", static (CertificateAuthority authority, RootRotation rotation) => Show(authority, rotation));
        api.MapPost("/ca/rotation", RotateAsync);
        api.MapPost("/ca/request", static (CertificateAuthority authority) => Try(() => TypedResults.Json(new CaRequestAnswer(authority.MakeRequest()), AdminJson.Default.CaRequestAnswer)));
        api.MapPost("/ca/certificates", IssueAsync);
        api.MapGet("/ca/revoked", static (RevokedIdentities revoked) => TypedResults.Json([.. revoked.List], AdminJson.Default.RevokedIdentityArray));
        api.MapPost("/ca/revoked", RevokeAsync);
        api.MapDelete("/ca/revoked", static (string id, RevokedIdentities revoked) => Try(() => SpiffeId.TryParse(id, out var parsed) && revoked.Restore(parsed)
            ? TypedResults.NoContent()
            : AdminApi.Error(StatusCodes.Status404NotFound, $"'{id}' is not revoked. GET /api/v1/ca/revoked lists who is.")));
    }

    private static JsonHttpResult<CaAnswer> Show(CertificateAuthority authority, RootRotation rotation)
    {
        var keys = rotation.Keys;
        var fleet = rotation.Fleet;
        var missing = fleet.Members.Where(member => keys.Stage == RotationStage.Switched ? !member.IsByActive : !member.TrustsNewest);
        return TypedResults.Json(
            new CaAnswer(
                authority.TrustDomain.Name,
                keys.Stage.ToString().ToLowerInvariant(),
                [.. keys.All.Select(one => new CaAuthorityAnswer(
                    one.Hash, Convert.ToHexStringLower(one.RootHash.Span), one.Certificate.Subject, one.IsRoot ? "root" : "intermediate", one == keys.Active, one.ExpiresAt, one.Root.ExportCertificatePem()))],
                fleet.Members.Count,
                fleet.Trusting,
                fleet.ByActive,
                [.. missing.Take(MaxMissing).Select(static member => new CaMemberAnswer(member.Id, member.Serial, member.ExpiresAt, member.IsConnected))]),
            AdminJson.Default.CaAnswer);
    }

    private static async Task<IResult> RotateAsync(HttpContext http, RootRotation rotation, CertificateAuthority authority)
    {
        if (await AdminApi.ReadAsync(http, AdminJson.Default.RotationRequest) is not { Stage: "add" or "switch" or "finish" } request)
        {
            return AdminApi.Error(StatusCodes.Status400BadRequest, "The body must be JSON like {\"stage\":\"add\"}; the stages are add, switch and finish.");
        }

        return Try(() =>
        {
            switch (request.Stage)
            {
                case "add":
                    rotation.Add(request.Certificates, request.Key);
                    break;
                case "switch":
                    rotation.Switch(request.Force);
                    break;
                default:
                    rotation.Finish(request.Force);
                    break;
            }

            return Show(authority, rotation);
        });
    }

    private static async Task<IResult> IssueAsync(HttpContext http, SvidIssuer issuer, CertificateAuthority authority)
    {
        if (await AdminApi.ReadAsync(http, AdminJson.Default.IssueRequest) is not { Namespace: { } namespaceName, ServiceAccount: { } serviceAccount, SigningRequest: { } pem } request
            || !SpiffeIdSyntax.IsSegment(namespaceName) || !SpiffeIdSyntax.IsSegment(serviceAccount) || request.LifetimeSeconds is not (null or (>= 1 and <= 7_776_000)))
        {
            return AdminApi.Error(StatusCodes.Status400BadRequest, "The body must be JSON with namespace, serviceAccount and signingRequest (PEM); lifetimeSeconds is 1 second to 90 days.");
        }

        if (SigningRequest.TryReadPem(pem, out var fault) is not { } signingRequest)
        {
            return AdminApi.Error(StatusCodes.Status400BadRequest, $"The certificate signing request is refused: {fault}.");
        }

        var id = SpiffeId.ForServiceAccount(authority.TrustDomain, namespaceName, serviceAccount);
        if (namespaceName == ControlPlaneIdentity.Namespace || !signingRequest.IsWithin(id))
        {
            return AdminApi.Error(StatusCodes.Status403Forbidden, namespaceName == ControlPlaneIdentity.Namespace ? $"Namespace '{namespaceName}' is the control plane's own." : $"The certificate signing request names something else than '{id}'. Leave the names out of it, or ask for what it names.");
        }

        return Try(() =>
        {
            var proof = new IssuanceProof("operator") { Address = http.Connection.RemoteIpAddress?.ToString() ?? "" };
            using var svid = issuer.Issue(id, signingRequest, request.LifetimeSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null, proof);
            var roots = svid.Trust.Bundles.Bundles.First(bundle => bundle.TrustDomain == id.TrustDomain).Authorities;
            return TypedResults.Json(new IssueAnswer(id.ToString(), svid.Leaf.SerialNumber, svid.ExpiresAt, Pem(svid.Chain), Pem(roots)), AdminJson.Default.IssueAnswer);
        });
    }

    private static async Task<IResult> RevokeAsync(HttpContext http, RevokedIdentities revoked, CertificateAuthority authority)
    {
        if (await AdminApi.ReadAsync(http, AdminJson.Default.RevokeRequest) is not { Id: { } text } request || !SpiffeId.TryParse(text, out var id) || request.Reason is { Length: > 500 })
        {
            return AdminApi.Error(StatusCodes.Status400BadRequest, "The body must be JSON like {\"id\":\"spiffe://mesh.local/ns/shop/sa/catalog\",\"reason\":\"laptop stolen\"}; the reason has 500 characters at most.");
        }

        if (id.TrustDomain == authority.TrustDomain && (id.Path.Length == 0 || ControlPlaneIdentity.Is(id, authority.TrustDomain)))
        {
            return AdminApi.Error(StatusCodes.Status403Forbidden, $"'{id}' is the mesh's own: it cannot be revoked. Where its key is lost, change the root with 'mesh ca rotate'.");
        }

        return Try(() =>
        {
            revoked.Revoke(id, request.Reason ?? "");
            return TypedResults.NoContent();
        });
    }

    private static string Pem(IEnumerable<X509Certificate2> certificates) => string.Concat(certificates.Select(static certificate => certificate.ExportCertificatePem() + "\n"));

    // What cannot be done now, with the reason and the cure.
    private static IResult Try(Func<IResult> act)
    {
        try
        {
            return act();
        }
        catch (Exception refusal) when (refusal is MeshControlPlaneException or IssuanceRefusedException)
        {
            return AdminApi.Error(StatusCodes.Status409Conflict, refusal.Message);
        }
    }
}
