using System.Collections.Frozen;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Grpc.Core;
using Grpc.Net.Client;
using WorkloadApi;

namespace ProxylessMesh.Spiffe;

/// <summary>
/// The keys that JWT-SVIDs are checked by, as a SPIFFE agent streams them (SPIFFE Workload API §6.2.2). The stream is opened when the first
/// token is to be checked, and again when it ends; the keys of before stay meanwhile.
/// </summary>
internal sealed class JwtBundleWatch(GrpcChannel channel, TimeProvider time) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private FrozenDictionary<TrustDomain, SpiffeBundle>? _bundles;
    private Task? _running;
    private RpcException? _error;

    /// <summary>The bundles in force; waits for the first.</summary>
    /// <exception cref="OperationCanceledException">None came; <see cref="Error"/> says why.</exception>
    public async Task<FrozenDictionary<TrustDomain, SpiffeBundle>> GetAsync(CancellationToken cancellationToken)
    {
        Start();
        await _first.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        return Volatile.Read(ref _bundles)!;
    }

    /// <summary>Why there are no bundles, or none that are newer.</summary>
    public RpcException? Error => Volatile.Read(ref _error);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        Task? running;
        lock (_gate)
        {
            running = _running;
        }

        if (running is not null)
        {
            await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        _stop.Dispose();
    }

    private void Start()
    {
        lock (_gate)
        {
            if (_running is not null)
            {
                return;
            }

            // The stream outlives the request that asked first: nothing of it, such as its trace, goes along.
            using (ExecutionContext.IsFlowSuppressed() ? default : ExecutionContext.SuppressFlow())
            {
                _running = Task.Run(KeepAsync, CancellationToken.None);
            }
        }
    }

    private async Task KeepAsync()
    {
        var failures = 0;
        while (!_stop.IsCancellationRequested)
        {
            failures = await FollowAsync().ConfigureAwait(false) ? 1 : failures + 1;
            await Task.Delay(SvidRotation.RetryAfter(failures, TimeSpan.Zero, Random.Shared.NextDouble()), time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<bool> FollowAsync()
    {
        var hasWorked = false;
        try
        {
            using var call = new SpiffeWorkloadAPI.SpiffeWorkloadAPIClient(channel).FetchJWTBundles(new JWTBundlesRequest(), WorkloadApiChannel.SecurityHeader, cancellationToken: _stop.Token);
            await foreach (var answer in call.ResponseStream.ReadAllAsync(_stop.Token).ConfigureAwait(false))
            {
                Volatile.Write(ref _bundles, Read(answer.Bundles));
                Volatile.Write(ref _error, null);
                _first.TrySetResult();
                hasWorked = true;
            }
        }
        catch (RpcException error)
        {
            Volatile.Write(ref _error, error);
        }
        catch (FormatException error)
        {
            Volatile.Write(ref _error, new RpcException(new Status(StatusCode.Internal, error.Message)));
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Disposed.
        }

        return hasWorked;
    }

    /// <summary>A bundle that is malformed makes the whole answer bad: the one of before stays for every trust domain.</summary>
    private static FrozenDictionary<TrustDomain, SpiffeBundle> Read(MapField<string, ByteString> bundles)
    {
        if (bundles.Count > IdentityAnswer.MaxBundles)
        {
            throw new FormatException($"there are {bundles.Count} JWT bundles; {IdentityAnswer.MaxBundles} are the most");
        }

        var read = new Dictionary<TrustDomain, SpiffeBundle>();
        foreach (var (key, json) in bundles)
        {
            var domain = SpiffeId.TryParse(key, out var id) && id.Path.Length == 0 ? id.TrustDomain : TrustDomain.Parse(key);
            read[domain] = SpiffeBundleReader.Read(json.Memory, domain, isJwtBundle: true);
        }

        return read.ToFrozenDictionary();
    }
}
