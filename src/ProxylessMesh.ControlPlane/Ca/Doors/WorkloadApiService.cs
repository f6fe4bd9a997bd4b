using System.Collections.Immutable;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ProxylessMesh.ControlPlane.Federation;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.Spiffe;
using WorkloadApi;

namespace ProxylessMesh.ControlPlane.Ca.Doors;

/// <summary>
/// The SPIFFE Workload API, so that programs made for SPIFFE get their identities here. Who calls is the kernel's word; what it is, the WorkloadIdentity
/// manifests'. A stream tells anew whenever something changes, and ends when the process has no identity any more.
/// </summary>
internal sealed partial class WorkloadApiService(
    CertificateAuthority authority, SvidIssuer issuer, MeshTrust trust, RevokedIdentities revoked, ManifestStore manifests, JwtSvidSigner signer, BundleDocuments documents,
    IHostApplicationLifetime lifetime, TimeProvider time, ILogger<WorkloadApiService> logger)
    : SpiffeWorkloadAPI.SpiffeWorkloadAPIBase
{
    // SPIFFE Workload Endpoint §3: keeps requests out that a program was tricked into sending.
    private const string SecurityHeader = "workload.spiffe.io";

    private const int MaxAudiences = 32;
    private const int MaxAudienceLength = 1024;

    public override async Task FetchX509SVID(X509SVIDRequest request, IServerStreamWriter<X509SVIDResponse> responseStream, ServerCallContext context)
    {
        var svids = new LocalSvids(issuer, time);
        await FollowAsync(responseStream, context, identities =>
        {
            var bundles = trust.Current.Bundles;
            var answer = new X509SVIDResponse();
            answer.Svids.AddRange(svids.Of(identities));
            foreach (var bundle in bundles.Bundles)
            {
                if (bundle.TrustDomain != authority.TrustDomain)
                {
                    answer.FederatedBundles.Add(IdOf(bundle.TrustDomain), LocalSvids.Join(bundle.Authorities));
                    continue;
                }

                foreach (var svid in answer.Svids)
                {
                    svid.Bundle = LocalSvids.Join(bundle.Authorities);
                }
            }

            return answer.Svids.Count > 0 ? (answer, svids.NextRenewal) : throw NoIdentity();
        });
    }

    public override Task FetchX509Bundles(X509BundlesRequest request, IServerStreamWriter<X509BundlesResponse> responseStream, ServerCallContext context)
        => FollowAsync(responseStream, context, _ =>
        {
            var answer = new X509BundlesResponse();
            foreach (var bundle in trust.Current.Bundles.Bundles)
            {
                answer.Bundles.Add(IdOf(bundle.TrustDomain), LocalSvids.Join(bundle.Authorities));
            }

            return (answer, DateTimeOffset.MaxValue);
        });

    public override Task FetchJWTBundles(JWTBundlesRequest request, IServerStreamWriter<JWTBundlesResponse> responseStream, ServerCallContext context)
        => FollowAsync(responseStream, context, _ =>
        {
            var answer = new JWTBundlesResponse();
            foreach (var document in documents.Current)
            {
                answer.Bundles.Add(IdOf(document.TrustDomain), ByteString.CopyFrom(SpiffeBundleWriter.Write(new SpiffeBundle { TrustDomain = document.TrustDomain, JwtAuthorities = document.JwtAuthorities })));
            }

            return (answer, DateTimeOffset.MaxValue);
        });

    public override Task<JWTSVIDResponse> FetchJWTSVID(JWTSVIDRequest request, ServerCallContext context)
    {
        var identities = Identities(context);
        if (request.Audience.Count is 0 or > MaxAudiences || request.Audience.Any(static audience => audience.Length is 0 or > MaxAudienceLength))
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"audience has {request.Audience.Count} entries; 1 to {MaxAudiences} are possible, none of them empty or longer than {MaxAudienceLength} characters."));
        }

        var asked = request.SpiffeId.Length == 0 ? identities : [.. identities.Where(identity => identity.Id.ToString() == request.SpiffeId)];
        if (asked.IsEmpty)
        {
            throw NoIdentity();
        }

        var answer = new JWTSVIDResponse();
        foreach (var identity in asked)
        {
            answer.Svids.Add(new JWTSVID { SpiffeId = identity.Id.ToString(), Svid = signer.Sign(identity.Id, request.Audience), Hint = identity.Hint });
        }

        return Task.FromResult(answer);
    }

    public override Task<ValidateJWTSVIDResponse> ValidateJWTSVID(ValidateJWTSVIDRequest request, ServerCallContext context)
    {
        Identities(context);
        if (request.Audience.Length == 0)
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, "audience is empty. Name the audience that the token must be for."));
        }

        return JwtSvidValidator.Check(request.Svid, documents.Find, [request.Audience], time.GetUtcNow(), out var svid) is { } fault
            ? throw new RpcException(new Status(StatusCode.InvalidArgument, $"The token is no JWT-SVID for '{Refusals.Short(request.Audience)}': {fault}."))
            : Task.FromResult(new ValidateJWTSVIDResponse { SpiffeId = svid!.Id.ToString(), Claims = Struct.Parser.ParseJson(svid.Claims.GetRawText()) });
    }

    private static string IdOf(TrustDomain trustDomain) => $"spiffe://{trustDomain.Name}";

    // The status that the specification has for it; clients keep asking.
    private static RpcException NoIdentity() => new(new Status(StatusCode.PermissionDenied, "no identity issued"));

    private async Task FollowAsync<T>(IServerStreamWriter<T> stream, ServerCallContext context, Func<ImmutableArray<ProcessIdentity>, (T Answer, DateTimeOffset Until)> answer)
        where T : class
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        using var changes = new WorkloadApiChanges(manifests, trust, revoked, documents, time);
        T? told = null;
        try
        {
            while (true)
            {
                changes.Reset();
                var (next, until) = answer(Identities(context));
                if (!next.Equals(told))
                {
                    await stream.WriteAsync(next, ending.Token);
                    told = next;
                }

                await changes.WaitAsync(until, ending.Token);
            }
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, "The control plane stops. Try again."));
        }
    }

    private ImmutableArray<ProcessIdentity> Identities(ServerCallContext context)
    {
        if (context.RequestHeaders.GetValue(SecurityHeader) != "true")
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"security header missing from request: '{SecurityHeader}: true'."));
        }

        var facts = context.GetHttpContext().Features.Get<LocalConnection>()?.Look();
        ImmutableArray<ProcessIdentity> identities = facts is null ? []
            : [.. ProcessIdentities.Of(facts, manifests.Current.Manifests, authority.TrustDomain).Where(identity => !revoked.Contains(identity.Id))];
        if (identities.IsEmpty)
        {
            LogNobody(facts);
            throw NoIdentity();
        }

        return identities;
    }

    [LoggerMessage(6532, LogLevel.Warning, "A process asked the Workload API for an identity and has none: {Process}. A WorkloadIdentity whose selectors it fits would give it one.")]
    private partial void LogNobody(ProcessFacts? process);
}
