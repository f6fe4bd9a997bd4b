using System.Threading.Channels;
using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ProxylessMesh.Client.Workloads;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;
using ProxylessMesh.Xds.Client;

namespace ProxylessMesh.Client;

/// <summary>
/// What lets the process start while the control plane is away: the last configuration, signed by the control plane, and where the
/// operator asks for it the sealed identity. Read before anything connects, written a while after each change.
/// </summary>
internal sealed partial class LocalState(
    IXdsClient xds,
    IdentitySource identities,
    ControlPlaneChannel? channel,
    MeshNode node,
    IOptions<MeshOptions> options,
    TimeProvider time,
    ILogger<LocalState> logger)
{
    /// <summary>Changes come in bursts; one signature serves them all.</summary>
    private static readonly TimeSpan Debounce = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan RetryWait = TimeSpan.FromSeconds(15);

    private readonly MeshOptions _options = options.Value;
    private readonly Channel<bool> _changed = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>The operator named a folder, and there is a control plane to sign.</summary>
    public bool IsKept => _options.State.Folder.Length > 0 && channel is not null && xds is XdsClient;

    /// <summary>The process runs on a configuration from its last run.</summary>
    public bool WasRestored { get; private set; }

    private LastKnownGood File => new(_options.State.Folder, _options.State.MaxAge, time);

    /// <summary>Puts what was kept in force. A file that cannot be believed is reported and left out.</summary>
    public Task RestoreAsync()
    {
        if (!IsKept)
        {
            return Task.CompletedTask;
        }

        try
        {
            if (Seal() is { } seal && seal.TryLoad() is { } identity && identities is MeshCaSource source && source.Restore(identity))
            {
                IdentityRestored(logger, identity.Id, identity.ExpiresAt);
            }

            if (identities.Current is { } current && File.TryLoad(current) is { } content && xds is XdsClient client)
            {
                client.Import(ToCache(content));
                WasRestored = true;
                SnapshotRestored(logger, content.Version, content.IssuedAt.ToDateTimeOffset());
            }
        }
        catch (IdentityException e)
        {
            NotRestored(logger, _options.State.Folder, e.Message);
        }

        return Task.CompletedTask;
    }

    /// <summary>Writes after each change, and before the file gets too old, until cancelled.</summary>
    public async Task KeepAsync(CancellationToken stop)
    {
        if (xds is not XdsClient client || channel is null)
        {
            return;
        }

        client.Changed += Note;
        identities.Changed += NoteIdentity;
        try
        {
            if (identities.Current is { } identity)
            {
                await SealAsync(identity, stop).ConfigureAwait(false);
            }

            var wait = _options.State.MaxAge / 4;
            while (true)
            {
                await WaitAsync(wait, stop).ConfigureAwait(false);
                await Task.Delay(Debounce, time, stop).ConfigureAwait(false);
                wait = await SaveAsync(client, channel, stop).ConfigureAwait(false) ? _options.State.MaxAge / 4 : RetryWait;
            }
        }
        finally
        {
            client.Changed -= Note;
            identities.Changed -= NoteIdentity;
        }
    }

    private void Note() => _changed.Writer.TryWrite(true);

    private void NoteIdentity(WorkloadIdentity identity) => Note();

    private async Task WaitAsync(TimeSpan longest, CancellationToken stop)
    {
        using var limit = new CancellationTokenSource(longest, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stop);
        try
        {
            await _changed.Reader.ReadAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return;
        }
    }

    private async Task<bool> SaveAsync(XdsClient client, ControlPlaneChannel control, CancellationToken stop)
    {
        if (identities.Current is not { } identity)
        {
            return false;
        }

        try
        {
            await SealAsync(identity, stop).ConfigureAwait(false);
            var subscribed = await client.ExportAsync(stop).ConfigureAwait(false);
            var request = new SignSnapshotRequest { NodeId = node.InstanceId, Subscribed = { Names(subscribed) } };
            if (request.Subscribed.Count == 0)
            {
                return true;
            }

            var answer = await new IdentityService.IdentityServiceClient(control.Channel)
                .SignSnapshotAsync(request, deadline: time.GetUtcNow().AddSeconds(10).UtcDateTime, cancellationToken: stop).ConfigureAwait(false);
            await File.SaveAsync(answer.Cms.Memory, identity, stop).ConfigureAwait(false);
            return true;
        }
        catch (RpcException e) when (!stop.IsCancellationRequested)
        {
            // The file of before stays, and the next try comes soon.
            NotSaved(logger, e.Status.Detail);
            return false;
        }
        catch (Exception e) when (e is IdentityException or IOException or UnauthorizedAccessException)
        {
            CannotSave(logger, _options.State.Folder, e.Message);
            return false;
        }
    }

    private async Task SealAsync(WorkloadIdentity identity, CancellationToken stop)
    {
        if (Seal() is { } seal)
        {
            await seal.SaveAsync(identity, stop).ConfigureAwait(false);
        }
    }

    private SealedIdentity? Seal()
        => _options.State.SealIdentity && JoinTokenReader.Read(_options, out _) is { } token
            ? new SealedIdentity(Path.Combine(_options.State.Folder, "identity.p12"), token, time)
            : null;

    private static IEnumerable<SubscribedResources> Names(XdsCacheContent content)
        => content.Present.Select(static resource => resource.Key).Concat(content.Missing)
            .GroupBy(static key => key.TypeUrl)
            .Select(static type => new SubscribedResources { TypeUrl = type.Key, Names = { type.Select(static key => key.Name) } });

    private static XdsCacheContent ToCache(SnapshotContent content) => new()
    {
        Present = [.. content.Resources.SelectMany(static type => type.Resources.Select(resource => Cached(type.TypeUrl, resource)))],
        Missing = [.. content.Resources.SelectMany(static type => type.Missing.Select(name => new ResourceKey(type.TypeUrl, name)))],
    };

    private static CachedResource Cached(string typeUrl, Resource resource)
        => new(new ResourceKey(typeUrl, resource.Name), resource.Version, resource.Resource_?.Value ?? ByteString.Empty);

    [LoggerMessage(1611, LogLevel.Information, "Started with the sealed identity {Id}, valid until {ExpiresAt}")]
    private static partial void IdentityRestored(ILogger logger, SpiffeId id, DateTimeOffset expiresAt);

    [LoggerMessage(1612, LogLevel.Information, "Started from the last known good configuration, version {Version} of {IssuedAt}")]
    private static partial void SnapshotRestored(ILogger logger, ulong version, DateTimeOffset issuedAt);

    [LoggerMessage(1613, LogLevel.Warning, "What was kept in '{Folder}' is not used: {Reason}")]
    private static partial void NotRestored(ILogger logger, string folder, string reason);

    [LoggerMessage(1614, LogLevel.Information, "The control plane did not sign the configuration now, the file of before stays: {Reason}")]
    private static partial void NotSaved(ILogger logger, string reason);

    [LoggerMessage(1615, LogLevel.Warning, "The configuration cannot be kept in '{Folder}' for a start without the control plane: {Reason}. Check the folder and its permissions")]
    private static partial void CannotSave(ILogger logger, string folder, string reason);
}
