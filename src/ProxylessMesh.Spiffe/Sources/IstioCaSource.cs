using System.Collections.Immutable;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using IstioCa;
using Microsoft.Extensions.Logging;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// Certificates from Istio's CA (<c>istio.v1.auth.IstioCertificateService</c>) by a projected Kubernetes service-account token, as istio-agent
/// gets them: no agent is needed. The CA alone decides the identity, from the token.
/// </summary>
internal sealed class IstioCaSource(IstioCaSettings settings, TimeProvider time, ILogger<IstioCaSource> logger) : IssuingIdentitySource(time, logger)
{
    public override string Subject => $"this process from the CA at {settings.Address}";

    protected override async Task<WorkloadIdentity> IssueAsync(CancellationToken stop)
    {
        var roots = ReadRoots();
        var token = TokenFile.Read(settings.TokenFile, "Mesh:Identity:IstioCa:TokenFile");
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var timeout = new CancellationTokenSource(settings.AttemptTimeout, Time);
        using var attempt = CancellationTokenSource.CreateLinkedTokenSource(stop, timeout.Token);
        try
        {
            var answer = await AskAsync(key, token, roots, attempt.Token).ConfigureAwait(false);
            return IstioCaAnswer.Read(answer, key, roots, Time.GetUtcNow());
        }
        catch (RpcException error) when (stop.IsCancellationRequested)
        {
            throw new OperationCanceledException("The attempt was given up.", error, stop);
        }
        catch (Exception error) when (error is RpcException or OperationCanceledException && !stop.IsCancellationRequested)
        {
            throw Explain(error);
        }
    }

    private async Task<IstioCertificateResponse> AskAsync(ECDsa key, string token, ImmutableArray<X509Certificate2> roots, CancellationToken cancellationToken)
    {
        // A connection for each certificate: it is closed long before the next one is due, and the CA's own certificate may change.
        using var handler = ControlPlaneTransport.Create(Tls(roots));
        using var channel = ControlPlaneTransport.Open(settings.Address, handler);
        var metadata = new Metadata { { "authorization", "Bearer " + token } };
        if (settings.ClusterId.Length > 0)
        {
            metadata.Add("clusterid", settings.ClusterId);
        }

        var request = new IstioCertificateRequest
        {
            Csr = new CertificateRequest("O=ProxylessMesh", key, HashAlgorithmName.SHA256).CreateSigningRequestPem(),
            ValidityDuration = (long)settings.Lifetime.TotalSeconds,
        };
        return await new IstioCertificateService.IstioCertificateServiceClient(channel).CreateCertificateAsync(request, metadata, cancellationToken: cancellationToken).ConfigureAwait(false);
    }

    private SslClientAuthenticationOptions Tls(ImmutableArray<X509Certificate2> roots)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        policy.CustomTrustStore.AddRange(roots.ToArray());
        policy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1"));
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = settings.ServerName,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            CertificateChainPolicy = policy,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            ApplicationProtocols = ControlPlaneTransport.Protocols,
            AllowRenegotiation = false,
            AllowTlsResume = false,
        };
        if (SpiffeId.TryParse(settings.ServerName, out var expected))
        {
            var bundles = new TrustBundleSet([new TrustBundle(expected.TrustDomain, roots)]);
            options.TargetHost = settings.Address.IdnHost;
            options.RemoteCertificateValidationCallback = (_, certificate, chain, errors) => X509SvidChain.IsAllowed(bundles, certificate, chain, errors, peer => peer == expected);
        }

        return options;
    }

    private ImmutableArray<X509Certificate2> ReadRoots()
    {
        try
        {
            return X509SvidPem.ReadRoots(System.Text.Encoding.UTF8.GetString(PrivateFile.Read(settings.RootFile, X509SvidPem.MaxChars) ?? throw new FormatException("there is no such file")));
        }
        catch (Exception error) when (error is FormatException or IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new IdentityException(IdentityError.BadFile, $"Mesh:Identity:IstioCa:RootFile '{settings.RootFile}' cannot be used: {error.Message}. Mount the roots of the CA there (Istio keeps them in the ConfigMap 'istio-ca-root-cert').", error);
        }
    }

    private IdentityException Explain(Exception error)
    {
        if (FailureCause.Find<AuthenticationException>(error) is { } tls)
        {
            return new IdentityException(IdentityError.ControlPlaneNotTrusted, $"The server at {settings.Address} did not prove to be '{settings.ServerName}' by the roots in '{settings.RootFile}' ({tls.Message}). Check Mesh:Identity:IstioCa:Address, ServerName and RootFile.", error);
        }

        var status = (error as RpcException)?.Status ?? new Status(StatusCode.DeadlineExceeded, $"no answer within {settings.AttemptTimeout.TotalSeconds:0} s");
        return status.StatusCode switch
        {
            StatusCode.Unauthenticated or StatusCode.PermissionDenied => new(IdentityError.TokenRefused, $"The CA at {settings.Address} refuses the token in '{settings.TokenFile}': {status.Detail} Check the audience of the projected token (Istio's CA wants 'istio-ca') and its service account.", error),
            StatusCode.Unimplemented => new(IdentityError.BadAnswer, $"The server at {settings.Address} is no Istio CA. Check Mesh:Identity:IstioCa:Address.", error),
            StatusCode.InvalidArgument => new(IdentityError.BadAnswer, $"The CA at {settings.Address} does not take the request: {status.Detail}", error),
            _ => new(IdentityError.AgentUnreachable, $"The CA at {settings.Address} cannot be reached ({FailureCause.Find<System.Net.Sockets.SocketException>(error)?.Message ?? $"{status.StatusCode}: {status.Detail}"}). Check that it runs, and Mesh:Identity:IstioCa:Address. The process keeps trying.", error),
        };
    }
}
