using Envoy.Service.Discovery.V3;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;

namespace ProxylessMesh.Xds.Client;

/// <summary>
/// Keeps one ADS stream up: connects when there is something to ask, waits between attempts (gRFC A57), and changes to state of the
/// world where the server lacks delta. On the client's loop only.
/// </summary>
internal sealed partial class AdsConnection(
    XdsClientOptions options, TimeProvider time, EventLoop loop, ResourceCache cache, IAdsEvents events, ILogger logger) : IAdsListener, IAsyncDisposable
{
    private readonly GrpcChannel _channel = AdsChannel.Open(options);
    private readonly ExistenceTimers _timers = new(options, time, loop, cache, events);
    private readonly ExponentialBackoff _backoff = new(options.InitialBackoff, options.MaxBackoff, Random.Shared.NextDouble);
    private AdsStream? _stream;
    private Task _closing = Task.CompletedTask;
    private ITimer? _retry;
    private bool _started;
    private bool _isTaking;
    private bool _stopped;

    public AdsForm Form { get; private set; } = options.Form;

    public bool IsConnected => _stream is { IsUp: true };

    /// <summary>Why the last attempt failed; null once a stream is up again.</summary>
    public string? Unreachable { get; private set; }

    public void Start()
    {
        _started = true;
        Flush();
    }

    /// <summary>Says what is due on the stream; opens one where there is none and something to ask.</summary>
    public void Flush()
    {
        // While a response is taken, its answer comes first: then what else it led to.
        if (!_started || _stopped || _isTaking)
        {
            return;
        }

        if (_stream is null && _retry is null && !cache.IsEmpty)
        {
            Open();
        }

        _stream?.Flush(time.GetTimestamp());
    }

    public void OnWritten(AdsStream stream, ResourceType? type) => loop.Post(() =>
    {
        if (stream != _stream)
        {
            return;
        }

        if (!stream.IsUp)
        {
            stream.IsUp = true;
            Unreachable = null;
            LogConnected(logger, options.Server, Form);
            events.OnConnected();
        }

        stream.WriteEnded();
        if (type is not null)
        {
            _timers.Start(type, stream.Types.Of(type.TypeUrl)?.Names);
        }

        Flush();
    });

    public Task OnUpdateAsync(AdsStream stream, DiscoveryUpdate update)
    {
        var applied = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var posted = loop.Post(() =>
        {
            try
            {
                Take(stream, update);
            }
            finally
            {
                applied.SetResult();
            }
        });
        return posted ? applied.Task : Task.CompletedTask;
    }

    public void OnEnded(AdsStream stream, Exception error) => loop.Post(() =>
    {
        if (stream == _stream)
        {
            End(stream, error);
        }
    });

    /// <summary>Ends the stream for good. On the loop; then dispose, off the loop.</summary>
    public void Stop()
    {
        _stopped = true;
        _retry?.Dispose();
        _timers.StopForGood();
    }

    public async ValueTask DisposeAsync()
    {
        if (_stream is not null)
        {
            await _stream.DisposeAsync().ConfigureAwait(false);
        }

        await _closing.ConfigureAwait(false);
        _channel.Dispose();
    }

    private void Open()
    {
        var client = new AggregatedDiscoveryService.AggregatedDiscoveryServiceClient(_channel);
        var openedAt = time.GetTimestamp();
        if (Form == AdsForm.Delta)
        {
            var stream = new AdsStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse>(new DeltaForm(options.Node, cache, options), client, this) { OpenedAt = openedAt };
            _stream = stream;
            stream.Start();
        }
        else
        {
            var stream = new AdsStream<DiscoveryRequest, DiscoveryResponse>(new StateOfTheWorldForm(options.Node, cache, options), client, this) { OpenedAt = openedAt };
            _stream = stream;
            stream.Start();
        }
    }

    private void Take(AdsStream stream, DiscoveryUpdate update)
    {
        if (stream != _stream || _stopped)
        {
            return;
        }

        stream.HasAnswered = true;
        _isTaking = true;
        string? error;
        try
        {
            error = events.OnUpdate(update);
        }
        finally
        {
            _isTaking = false;
        }

        if (stream.Types.Of(update.TypeUrl) is { } type)
        {
            var hold = error is null ? TimeSpan.Zero : NackHold(type.Nacks);
            type.Answer(update.Nonce, update.Version, error, time.GetTimestamp() + (long)(hold.TotalSeconds * time.TimestampFrequency));
            if (hold > TimeSpan.Zero)
            {
                FlushAfter(hold);
            }
        }

        Flush();
    }

    /// <summary>The first NACK goes out at once, each after it waits longer: some servers answer a NACK by what was refused.</summary>
    private TimeSpan NackHold(int nacksBefore)
        => nacksBefore == 0 ? TimeSpan.Zero : TimeSpan.FromTicks((long)Math.Min(options.MaxBackoff.Ticks, options.InitialBackoff.Ticks * Math.Pow(1.6, Math.Min(nacksBefore - 1, 30))));

    private void FlushAfter(TimeSpan delay)
    {
        // One timer per held NACK; it ends by itself.
        ITimer? timer = null;
        timer = time.CreateTimer(
            _ => loop.Post(() =>
            {
                timer?.Dispose();
                Flush();
            }),
            null,
            delay,
            Timeout.InfiniteTimeSpan);
    }

    private void End(AdsStream stream, Exception error)
    {
        _stream = null;
        _timers.Stop();
        _closing = CloseAsync(_closing, stream);
        if (error is RpcException { StatusCode: StatusCode.Unimplemented } && !stream.HasAnswered && ChangeForm())
        {
            Flush();
            return;
        }

        var reason = Reason(error);
        if (Unreachable == reason)
        {
            LogStillAway(logger, options.Server, reason);
        }
        else
        {
            LogEnded(logger, options.Server, reason);
        }

        if (!stream.HasAnswered)
        {
            Unreachable = reason;
        }

        events.OnDisconnected(reason);
        RetryAfter(Wait(stream));
    }

    /// <summary>Delta, then state of the world; a server that has neither is asked for the first again, later.</summary>
    private bool ChangeForm()
    {
        if (Form == AdsForm.StateOfTheWorld)
        {
            Form = options.Form;
            return false;
        }

        Form = AdsForm.StateOfTheWorld;
        LogFallback(logger, options.Server);
        return true;
    }

    private TimeSpan Wait(AdsStream stream)
    {
        if (stream.HasAnswered)
        {
            _backoff.Reset();
            if (time.GetElapsedTime(stream.OpenedAt) > options.InitialBackoff)
            {
                return TimeSpan.Zero;
            }
        }

        return _backoff.Next();
    }

    private void RetryAfter(TimeSpan wait)
    {
        _retry?.Dispose();
        _retry = time.CreateTimer(
            _ => loop.Post(() =>
            {
                _retry?.Dispose();
                _retry = null;
                Flush();
            }),
            null,
            wait,
            Timeout.InfiniteTimeSpan);
    }

    private static async Task CloseAsync(Task before, AdsStream stream)
    {
        await before.ConfigureAwait(false);
        await stream.DisposeAsync().ConfigureAwait(false);
    }

    private static string Reason(Exception error)
    {
        // The status of a failed connection says "Error starting gRPC call" first; the cause is the part that helps.
        var cause = error;
        while (cause.InnerException is not null)
        {
            cause = cause.InnerException;
        }

        return error is RpcException rpc
            ? $"{rpc.StatusCode}: {(cause == error ? rpc.Status.Detail : cause.Message)}{(rpc.Status.DebugException is { } debug && cause == error ? $" ({debug.GetBaseException().Message})" : "")}"
            : cause.Message;
    }

    [LoggerMessage(1010, LogLevel.Information, "Connected to the management server {Server} ({Form}).")]
    private static partial void LogConnected(ILogger logger, Uri server, AdsForm form);

    [LoggerMessage(1011, LogLevel.Warning, "The ADS stream to the management server {Server} ended: {Reason} What is configured stays in use; connecting again.")]
    private static partial void LogEnded(ILogger logger, Uri server, string reason);

    [LoggerMessage(1013, LogLevel.Debug, "Still no ADS stream to the management server {Server}: {Reason}")]
    private static partial void LogStillAway(ILogger logger, Uri server, string reason);

    [LoggerMessage(1012, LogLevel.Information, "The management server {Server} does not speak delta ADS; going on with state of the world.")]
    private static partial void LogFallback(ILogger logger, Uri server);
}

/// <summary>What the connection tells the client that owns it. On the loop.</summary>
internal interface IAdsEvents
{
    void OnConnected();

    void OnDisconnected(string reason);

    /// <returns>The words of the NACK; null: ACK.</returns>
    string? OnUpdate(DiscoveryUpdate update);

    void OnSilence(CacheEntry entry, TimeSpan timeout);
}
