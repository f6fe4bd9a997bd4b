using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.ControlPlane.Ca;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;
using ProxylessMesh.TestSupport;

namespace ProxylessMesh.ControlPlane.Tests.Hosting;

/// <summary>A stream proves its caller once, when it opens: it must not outlive that proof.</summary>
public sealed class StreamLifeTests
{
    private static CancellationToken TestEnd => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Open_streams_end_with_the_certificate_and_are_opened_again_with_the_next()
    {
        await using var controlPlane = await TestControlPlane.StartAsync();
        var source = new TestIdentitySource(ShortLived(controlPlane));
        using var channel = new ControlPlaneChannel(controlPlane.Address.Https, source);
        var ads = new AggregatedDiscoveryService.AggregatedDiscoveryServiceClient(channel.Channel);
        var workloads = new WorkloadService.WorkloadServiceClient(channel.Channel);
        using var stream = ads.StreamAggregatedResources(cancellationToken: TestEnd);
        using var lease = workloads.Join(cancellationToken: TestEnd);
        using var watch = new IdentityService.IdentityServiceClient(channel.Channel).WatchTrustBundles(cancellationToken: TestEnd);
        await stream.RequestStream.WriteAsync(new DiscoveryRequest { Node = new Node { Id = "n" } }, TestEnd);
        await lease.RequestStream.WriteAsync(new JoinRequest { Registration = TestControlPlane.Registration("catalog", "n") }, TestEnd);
        Assert.True(await lease.ResponseStream.MoveNext(TestEnd));
        Assert.True(await watch.ResponseStream.MoveNext(TestEnd));

        source.Set(controlPlane.Identity("catalog"));

        Assert.Contains("has expired", await EndOfAsync(() => stream.ResponseStream.MoveNext(TestEnd)), StringComparison.Ordinal);
        Assert.Contains("has expired", await EndOfAsync(() => lease.ResponseStream.MoveNext(TestEnd)), StringComparison.Ordinal);
        Assert.Contains("has expired", await EndOfAsync(() => watch.ResponseStream.MoveNext(TestEnd)), StringComparison.Ordinal);

        // Its endpoints are kept for the grace period, in which it joins again.
        Assert.Single(controlPlane.Workloads.Current.ByInstance);
        using var again = workloads.Join(cancellationToken: TestEnd);
        await again.RequestStream.WriteAsync(new JoinRequest { Registration = TestControlPlane.Registration("catalog", "n") }, TestEnd);
        Assert.True(await again.ResponseStream.MoveNext(TestEnd));
    }

    private static async Task<string> EndOfAsync(Func<Task<bool>> next)
    {
        var error = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await next())
            {
                // What was under way.
            }
        });
        Assert.Equal(StatusCode.Unavailable, error.StatusCode);
        return error.Status.Detail;
    }

    private static WorkloadIdentity ShortLived(TestControlPlane controlPlane)
    {
        var authority = controlPlane.Parts.GetRequiredService<CertificateAuthority>();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var id = SpiffeId.ForServiceAccount(authority.TrustDomain, "shop", "catalog");
        using var leaf = authority.Issue(id, new PublicKey(key), TimeSpan.FromSeconds(6));
        return new WorkloadIdentity(id, leaf.CopyWithPrivateKey(key), [], new TrustBundleSet([authority.Bundle]));
    }
}
