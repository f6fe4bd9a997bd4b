using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using ProxylessMesh.Protos.V1;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// Keeps the roots of a workload as the control plane has them, from the moment they change and not from the next renewal: puts them in force
/// beside the certificate, says so, and renews early where the CA has another key by now.
/// </summary>
internal sealed partial class BundleWatch(ControlPlaneChannel channel, IssuingIdentitySource source, TimeProvider time, ILogger<BundleWatch> logger)
{
    private static readonly TimeSpan FirstBackOff = TimeSpan.FromMilliseconds(200);

    private static readonly TimeSpan LongestBackOff = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(2);

    /// <summary>Follows until cancelled; ends without an exception then, and tells the control plane that this process goes.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var failures = 0;
        var reason = "";
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await source.GetAsync(stop).ConfigureAwait(false);
                await FollowAsync(() => failures = 0, stop).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error) when (error is RpcException or IdentityException or IOException or HttpRequestException or InvalidOperationException or CryptographicException)
            {
                var why = error is RpcException rpc ? $"{rpc.StatusCode}: {rpc.Status.Detail}" : error.Message;
                if (why != reason)
                {
                    LogLost(reason = why);
                }
            }
            finally
            {
                source.FollowBundles(null);
            }

            var pause = Math.Min(LongestBackOff.TotalSeconds, FirstBackOff.TotalSeconds * Math.Pow(1.6, Math.Min(failures++, 20)));
            await Task.Delay(TimeSpan.FromSeconds(pause * (0.8 + (Random.Shared.NextDouble() * 0.4))), time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task FollowAsync(Action answered, CancellationToken stop)
    {
        // Not the token of the call itself: that we go must still be told.
        using var call = new IdentityService.IdentityServiceClient(channel.Channel).WatchTrustBundles(cancellationToken: CancellationToken.None);
        var next = call.ResponseStream.MoveNext(CancellationToken.None);
        try
        {
            await call.RequestStream.WriteAsync(new WatchTrustBundlesRequest(), stop).ConfigureAwait(false);
            while (await next.WaitAsync(stop).ConfigureAwait(false))
            {
                Apply(call.ResponseStream.Current);
                answered();
                await call.RequestStream.WriteAsync(new WatchTrustBundlesRequest { Version = call.ResponseStream.Current.Version }, stop).ConfigureAwait(false);
                next = call.ResponseStream.MoveNext(CancellationToken.None);
            }
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
            await EndAsync(call.RequestStream).ConfigureAwait(false);

            // Until the server has seen it: to dispose earlier resets the stream, which is no goodbye.
            await ((Task)next).WaitAsync(EndPatience, time, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw new OperationCanceledException(stop);
        }
        catch (Exception error) when (error is InvalidOperationException or IOException or RpcException && !next.IsCompleted)
        {
            // A write knows only that the stream is gone; the answer says why.
            await ((Task)next).WaitAsync(EndPatience, time, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (next.IsFaulted)
            {
                await next.ConfigureAwait(false);
            }

            throw;
        }
    }

    private void Apply(TrustBundles update)
    {
        var bundles = IdentityAnswer.ReadBundles(update.Bundles, IdentityError.BadAnswer);
        var identity = source.Current!;
        if (!bundles.TryGet(identity.Id.TrustDomain, out var own))
        {
            throw new IdentityException(IdentityError.BadAnswer, $"The control plane's bundles have none for '{identity.Id.TrustDomain}', the trust domain of this workload. What is in force stays.");
        }

        if (!identity.Bundles.IsSameAs(bundles))
        {
            LogBundles(update.Version, bundles.Bundles.Count, own.Authorities.Length);
        }

        source.FollowBundles(bundles);
        if (update.SigningKeyId.Length > 0 && !IsSignedBy(identity.Leaf, update.SigningKeyId))
        {
            source.RenewWithin(update.RenewWithin?.ToTimeSpan() ?? TimeSpan.Zero);
        }
    }

    private static bool IsSignedBy(X509Certificate2 leaf, ByteString keyId)
        => leaf.Extensions.OfType<X509AuthorityKeyIdentifierExtension>().FirstOrDefault()?.KeyIdentifier is not { } signer || signer.Span.SequenceEqual(keyId.Span);

    private static async Task EndAsync(IClientStreamWriter<WatchTrustBundlesRequest> requests)
    {
        try
        {
            await requests.CompleteAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException or IOException)
        {
            // The stream is gone already; the control plane forgets this process when its certificate ends.
            return;
        }
    }

    [LoggerMessage(3010, LogLevel.Information, "Bundles {Version} are in force: {Count} trust domain(s), {Roots} root(s) of our own.")]
    private partial void LogBundles(string version, int count, int roots);

    [LoggerMessage(3011, LogLevel.Information, "The stream of trust bundles is interrupted and will be opened again; what is in force stays: {Reason}")]
    private partial void LogLost(string reason);
}
