using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Grpc.Core;
using ProxylessMesh.Protos.V1;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// One certificate from the control plane, by the certificate in force or else by the join token. Each attempt has connections of its own: a
/// renewal proves itself by the certificate of this moment, never by that of an old connection.
/// </summary>
internal sealed class Enrolment(MeshCaSettings settings, TimeProvider time) : IDisposable
{
    // Kept over failed attempts: should an answer get lost, the control plane recognizes the key and does not count a use of the token twice.
    private ECDsa? _key;

    /// <exception cref="IdentityException">Why there is none.</exception>
    public async Task<WorkloadIdentity> IssueAsync(WorkloadIdentity? current, CancellationToken cancellationToken)
    {
        var byCertificate = current is not null && current.ExpiresAt > time.GetUtcNow() ? current : null;
        if (byCertificate is null && settings.Token is null && settings.KubernetesTokenFile.Length == 0)
        {
            throw new IdentityException(
                IdentityError.NoProof,
                $"'{settings.ServiceAccount}' in namespace '{settings.Namespace}' has no valid certificate and no join token to get one with. Set Mesh:JoinToken (or Mesh:JoinTokenFile) to a token from 'mesh token create'.");
        }

        using var timeout = new CancellationTokenSource(settings.AttemptTimeout, time);
        using var attempt = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            return byCertificate is null
                ? await JoinAsync(attempt.Token).ConfigureAwait(false)
                : await RenewAsync(byCertificate, attempt.Token).ConfigureAwait(false);
        }
        catch (RpcException error) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException("The enrolment was given up.", error, cancellationToken);
        }
        catch (Exception error) when (error is RpcException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            throw Explain(error, byCertificate is not null);
        }
    }

    public void Dispose() => _key?.Dispose();

    private async Task<WorkloadIdentity> JoinAsync(CancellationToken cancellationToken)
    {
        var isPod = settings.KubernetesTokenFile.Length > 0;
        var roots = isPod ? ReadRoots() : await ControlPlaneRoots.FetchAsync(settings.ControlPlane, settings.Token!, cancellationToken).ConfigureAwait(false);
        var domain = roots.Bundles.First().TrustDomain;
        var tlsName = isPod ? ControlPlaneIdentity.ServiceAccount : ControlPlaneIdentity.EnrolmentTlsName(settings.Token!.RootHash.Span);
        using var handler = ControlPlaneTransport.Create(SpiffeTls.ForEnrolment(roots, tlsName, ControlPlaneTransport.Protocols));
        var request = isPod
            ? new IssueIdentityRequest { KubernetesToken = TokenFile.Read(settings.KubernetesTokenFile, "Mesh:Identity:KubernetesTokenFile") }
            : new IssueIdentityRequest { JoinToken = settings.Token!.Text };
        return await AskAsync(handler, domain, request, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The control plane is of one trust domain, so one bundle is expected here.</summary>
    private TrustBundleSet ReadRoots()
    {
        try
        {
            var roots = RootText.ReadFile(settings.RootFile, settings.TrustDomain);
            return roots.Bundles.Count == 1 ? roots
                : settings.TrustDomain is { } domain && roots.TryGet(domain, out var bundle) ? new TrustBundleSet([bundle])
                : throw new FormatException($"it has the roots of {roots.Bundles.Count} trust domains; name that of the control plane");
        }
        catch (FormatException error)
        {
            throw new IdentityException(IdentityError.BadFile, $"Mesh:Identity:RootFile '{settings.RootFile}' cannot be used: {error.Message}. Mount the roots of the control plane there ('mesh ca show').", error);
        }
    }

    private async Task<WorkloadIdentity> RenewAsync(WorkloadIdentity current, CancellationToken cancellationToken)
    {
        var trustDomain = current.Id.TrustDomain;
        using var handler = ControlPlaneTransport.Create(SpiffeTls.ForClient(
            current, peer => ControlPlaneIdentity.Is(peer, trustDomain), ControlPlaneIdentity.TlsName(trustDomain), ControlPlaneTransport.Protocols));
        return await AskAsync(handler, trustDomain, new IssueIdentityRequest(), cancellationToken).ConfigureAwait(false);
    }

    private async Task<WorkloadIdentity> AskAsync(HttpMessageHandler handler, TrustDomain trustDomain, IssueIdentityRequest request, CancellationToken cancellationToken)
    {
        _key ??= ECDsa.Create(ECCurve.NamedCurves.nistP256);
        request.CertificateSigningRequest = ByteString.CopyFrom(new CertificateRequest("O=ProxylessMesh", _key, HashAlgorithmName.SHA256).CreateSigningRequest());
        request.Namespace = settings.Namespace;
        request.ServiceAccount = settings.ServiceAccount;
        using var channel = ControlPlaneTransport.Open(settings.ControlPlane, handler);
        var answer = await new IdentityService.IdentityServiceClient(channel).IssueIdentityAsync(request, cancellationToken: cancellationToken).ConfigureAwait(false);

        var identity = IdentityAnswer.Read(answer, _key, time.GetUtcNow(), IdentityError.BadAnswer);
        var expected = SpiffeId.ForServiceAccount(trustDomain, settings.Namespace, settings.ServiceAccount);
        if (identity.Id != expected || answer.ControlPlaneSpiffeId != ControlPlaneIdentity.In(trustDomain).ToString())
        {
            throw new IdentityException(
                IdentityError.BadAnswer, $"The control plane at {settings.ControlPlane} issued '{identity.Id}' where '{expected}' was asked for, and calls itself '{answer.ControlPlaneSpiffeId}'.");
        }

        // The certificate has a handle of its own; the next one gets another key.
        _key.Dispose();
        _key = null;
        return identity;
    }

    private IdentityException Explain(Exception error, bool byCertificate)
    {
        var address = settings.ControlPlane;
        var status = error is RpcException rpc ? rpc.StatusCode : StatusCode.DeadlineExceeded;
        var detail = error is RpcException call ? call.Status.Detail : "";
        if (FailureCause.Find<AuthenticationException>(error) is { } tls)
        {
            return new IdentityException(
                IdentityError.ControlPlaneNotTrusted,
                $"The server at {address} did not prove to be the control plane of this mesh ({tls.Message}). Check Mesh:ControlPlane, and that the control plane still has the CA that this workload joined with.",
                error);
        }

        return status switch
        {
            StatusCode.Unauthenticated when byCertificate => new(IdentityError.NotAllowed, $"The control plane at {address} does not renew this certificate: {detail}", error),
            StatusCode.Unauthenticated when settings.KubernetesTokenFile.Length > 0 => new(IdentityError.TokenRefused, $"The control plane at {address} refuses the service-account token in '{settings.KubernetesTokenFile}': {detail} Check the token's audience, and that the control plane reviews such tokens (MeshControlPlane:Kubernetes:ReviewTokens).", error),
            StatusCode.Unauthenticated => new(IdentityError.TokenRefused, $"The control plane at {address} refuses join token '{settings.Token?.Id}': {detail} Create a new one with 'mesh token create' and set Mesh:JoinToken.", error),
            StatusCode.PermissionDenied => new(IdentityError.NotAllowed, $"The control plane at {address} does not let this process be '{settings.ServiceAccount}' in namespace '{settings.Namespace}': {detail}", error),
            StatusCode.Unimplemented => new(IdentityError.BadAnswer, $"The server at {address} issues no identities: it is not a ProxylessMesh control plane. Check Mesh:ControlPlane.", error),
            StatusCode.InvalidArgument => new(IdentityError.BadAnswer, $"The control plane at {address} does not understand the request: {detail} Its version may be too old for this library.", error),
            _ => new(IdentityError.ControlPlaneUnreachable, $"The control plane at {address} cannot be reached ({Reason(error, status, detail)}). Check that it runs ('mesh up') and that Mesh:ControlPlane is its address. The process keeps trying.", error),
        };
    }

    private string Reason(Exception error, StatusCode status, string detail)
        => FailureCause.Find<System.Net.Sockets.SocketException>(error)?.Message
            ?? (error is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled } ? $"no answer within {settings.AttemptTimeout.TotalSeconds:0} s" : $"{status}: {detail}");
}
