using System.Collections.Concurrent;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Ca;

/// <summary>
/// The streams by which workloads follow the bundles (identity.proto), and what each has in force. A slow workload holds back nobody, and
/// gets what is current when it is ready.
/// </summary>
internal sealed class TrustWatches(MeshTrust trust, LeafLedger ledger, CallerLives lives, IOptions<MeshControlPlaneOptions> options, IHostApplicationLifetime lifetime)
{
    private static readonly TimeSpan LongestSpread = TimeSpan.FromMinutes(10);

    private readonly ConcurrentDictionary<TrustWatcher, byte> _watchers = new();

    /// <summary>Raised when a workload came, went, or has taken bundles. Return quickly.</summary>
    public event Action? Progressed;

    /// <summary>Who follows now.</summary>
    public IReadOnlyCollection<TrustWatcher> Watchers => [.. _watchers.Keys];

    /// <summary>Runs one stream to its end.</summary>
    public async Task RunAsync(SpiffeId caller, IAsyncStreamReader<WatchTrustBundlesRequest> requests, IServerStreamWriter<TrustBundles> responses, ServerCallContext context)
    {
        var http = context.GetHttpContext();
        using var life = lives.Begin(http, caller)!;
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping, life.Ended);
        var watcher = new TrustWatcher(caller, http.Connection.ClientCertificate!.SerialNumber);
        ledger.NoteHolder(watcher.Serial, hasLeft: false);
        _watchers.TryAdd(watcher, 0);
        try
        {
            if (await FollowAsync(watcher, requests, responses, ending.Token))
            {
                ledger.NoteHolder(watcher.Serial, hasLeft: true);
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            if (life.Fault is { } fault)
            {
                throw fault;
            }

            if (lifetime.ApplicationStopping.IsCancellationRequested)
            {
                throw new RpcException(new Status(StatusCode.Unavailable, "The control plane is stopping. Connect again."));
            }
        }
        finally
        {
            _watchers.TryRemove(watcher, out _);
            Progressed?.Invoke();
        }
    }

    /// <returns>Whether the workload ended the stream in order.</returns>
    private async Task<bool> FollowAsync(TrustWatcher watcher, IAsyncStreamReader<WatchTrustBundlesRequest> requests, IServerStreamWriter<TrustBundles> responses, CancellationToken ending)
    {
        var sent = default(TrustState);
        var changed = NewSignal();
        void Wake() => Volatile.Read(ref changed).TrySetResult();
        trust.Changed += Wake;
        try
        {
            var read = requests.MoveNext(ending);
            while (true)
            {
                Volatile.Write(ref changed, NewSignal());
                var now = trust.Current;

                // One unanswered message at a time.
                if (now.Version != sent?.Version && (sent is null || watcher.InForce?.Version == sent.Version))
                {
                    await responses.WriteAsync(Write(now), ending);
                    sent = now;
                }

                await Task.WhenAny(read, Volatile.Read(ref changed).Task);
                if (!read.IsCompleted)
                {
                    continue;
                }

                if (!await read)
                {
                    // Also where the call was cancelled while nobody was reading.
                    ending.ThrowIfCancellationRequested();
                    return true;
                }

                if (sent is not null && requests.Current.Version == sent.Version)
                {
                    watcher.InForce = sent;
                    Progressed?.Invoke();
                }

                read = requests.MoveNext(ending);
            }
        }
        finally
        {
            trust.Changed -= Wake;
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private TrustBundles Write(TrustState state)
    {
        var spread = options.Value.SvidLifetime / 10;
        var message = new TrustBundles
        {
            Version = state.Version,
            SigningKeyId = ByteString.CopyFrom(state.Keys.Active.KeyId.Span),
            RenewWithin = Duration.FromTimeSpan(spread < LongestSpread ? spread : LongestSpread),
        };
        message.Bundles.AddRange(state.Bundles.Bundles.Select(IdentityAnswer.Write));
        return message;
    }
}

/// <summary>A workload that follows the bundles.</summary>
/// <param name="caller">Who it is.</param>
/// <param name="serial">The serial number of its connection's certificate; it may have a newer one by now.</param>
internal sealed class TrustWatcher(SpiffeId caller, string serial)
{
    private TrustState? _inForce;

    public SpiffeId Caller => caller;

    public string Serial => serial;

    /// <summary>What it said it has in force.</summary>
    public TrustState? InForce
    {
        get => Volatile.Read(ref _inForce);
        set => Volatile.Write(ref _inForce, value);
    }
}
