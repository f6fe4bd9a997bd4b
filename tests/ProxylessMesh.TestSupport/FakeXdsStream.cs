using System.Globalization;
using System.Threading.Channels;
using Envoy.Config.Core.V3;
using Envoy.Service.Discovery.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;

namespace ProxylessMesh.TestSupport;

/// <summary>One ADS stream as the server sees it.</summary>
internal sealed class FakeXdsStream(Func<DeltaDiscoveryResponse, Task>? writeDelta, Func<DiscoveryResponse, Task>? write)
{
    private readonly Channel<FakeXdsRequest> _requests = Channel.CreateUnbounded<FakeXdsRequest>();
    private readonly TaskCompletionSource<Status> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _nonce;

    public bool IsDelta => writeDelta is not null;

    /// <summary>Done when the client has ended the stream, or its connection broke.</summary>
    public Task Ended => _requests.Reader.Completion;

    public async Task<FakeXdsRequest> NextRequestAsync(CancellationToken cancellationToken) => await _requests.Reader.ReadAsync(cancellationToken);

    /// <summary>A request that is there already.</summary>
    public FakeXdsRequest? TryNextRequest() => _requests.Reader.TryRead(out var request) ? request : null;

    /// <summary>Sends resources of one type under a version; in delta the version is that of each resource too.</summary>
    /// <returns>The nonce.</returns>
    public Task<string> SendAsync(string typeUrl, string version, params (string Name, IMessage Message)[] resources)
        => SendAsync(typeUrl, version, [], [.. resources.Select(static resource => (resource.Name, Any.Pack(resource.Message)))]);

    public async Task<string> SendAsync(string typeUrl, string version, IEnumerable<string> removed, IEnumerable<(string Name, Any Any)> resources)
    {
        var nonce = (++_nonce).ToString(CultureInfo.InvariantCulture);
        if (writeDelta is not null)
        {
            await writeDelta(new DeltaDiscoveryResponse
            {
                TypeUrl = typeUrl,
                Nonce = nonce,
                SystemVersionInfo = version,
                RemovedResources = { removed },
                Resources = { resources.Select(resource => new Resource { Name = resource.Name, Version = version, Resource_ = resource.Any }) },
            });
        }
        else if (write is not null)
        {
            await write(new DiscoveryResponse { TypeUrl = typeUrl, Nonce = nonce, VersionInfo = version, Resources = { resources.Select(static resource => resource.Any) } });
        }

        return nonce;
    }

    /// <summary>Ends the stream from the server's side.</summary>
    public void End(StatusCode code = StatusCode.Unavailable) => _end.TrySetResult(new Status(code, "The test ended the stream."));

    internal async Task ReadAsync<TRequest>(IAsyncStreamReader<TRequest> requests, Func<TRequest, FakeXdsRequest> read, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var reading = ReadAllAsync(requests, read, stop.Token);
        if (await Task.WhenAny(reading, _end.Task) == _end.Task)
        {
            // Kestrel uses its streams again: a read that is left behind would take bytes of the next one.
            await stop.CancelAsync();
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw new RpcException(await _end.Task);
        }

        await reading;
    }

    private async Task ReadAllAsync<TRequest>(IAsyncStreamReader<TRequest> requests, Func<TRequest, FakeXdsRequest> read, CancellationToken cancellationToken)
    {
        try
        {
            while (await requests.MoveNext(cancellationToken))
            {
                _requests.Writer.TryWrite(read(requests.Current));
            }
        }
        finally
        {
            _requests.Writer.TryComplete();
        }
    }
}

/// <summary>A request of either form.</summary>
internal sealed record FakeXdsRequest
{
    public required string TypeUrl { get; init; }

    public Node? Node { get; init; }

    /// <summary>Delta: the names that are new. State of the world: all.</summary>
    public required IReadOnlyList<string> Names { get; init; }

    public IReadOnlyList<string> Unsubscribed { get; init; } = [];

    public IReadOnlyDictionary<string, string> InitialVersions { get; init; } = new Dictionary<string, string>();

    public required string Nonce { get; init; }

    /// <summary>State of the world: <c>version_info</c>.</summary>
    public string Version { get; init; } = "";

    /// <summary>Not null: a NACK.</summary>
    public string? Error { get; init; }

    public static FakeXdsRequest Of(DeltaDiscoveryRequest request) => new()
    {
        TypeUrl = request.TypeUrl,
        Node = request.Node,
        Names = [.. request.ResourceNamesSubscribe],
        Unsubscribed = [.. request.ResourceNamesUnsubscribe],
        InitialVersions = new Dictionary<string, string>(request.InitialResourceVersions),
        Nonce = request.ResponseNonce,
        Error = request.ErrorDetail?.Message,
    };

    public static FakeXdsRequest Of(DiscoveryRequest request) => new()
    {
        TypeUrl = request.TypeUrl,
        Node = request.Node,
        Names = [.. request.ResourceNames],
        Nonce = request.ResponseNonce,
        Version = request.VersionInfo,
        Error = request.ErrorDetail?.Message,
    };
}
