using System.Threading.Channels;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ProxylessMesh.Protos.V1;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.Client.Workloads;

/// <summary>
/// Tells the control plane that this process is here, where, and how it is: one stream, which is the lease. Broken streams are opened
/// again with back-off and say everything anew; the stream's regular end takes the process out at once.
/// </summary>
internal sealed partial class WorkloadRegistration
{
    private static readonly TimeSpan FirstBackOff = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestBackOff = TimeSpan.FromSeconds(15);

    // Answers that wait to be sent.
    private const int MaxReports = 4;

    private readonly ControlPlaneChannel _channel;
    private readonly MeshNode _node;
    private readonly MeshOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<WorkloadRegistration> _logger;
    private readonly CallQuestionAnswer _calls;
    private readonly Lock _lock = new();
    private readonly Queue<CallReport> _reports = new();
    private readonly TaskCompletionSource<string> _registered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private WorkloadEndpoints? _endpoints;
    private bool _isServing = true;
    private bool _isDraining;
    private IdentityStatus? _identity;
    private Channel<bool>? _changes;

    public WorkloadRegistration(ControlPlaneChannel channel, MeshNode node, IOptions<MeshOptions> options, IEnumerable<WorkloadServesCalls> servers, CallQuestionAnswer calls, IdentitySource identities, TimeProvider time, ILogger<WorkloadRegistration> logger)
    {
        _channel = channel;
        _node = node;
        _options = options.Value;
        _calls = calls;
        _time = time;
        _logger = logger;
        if (identities is RenewingIdentitySource renewing)
        {
            _identity = renewing.Status;
            renewing.StatusChanged += status => Change(() => _identity = status);
        }

        _endpoints = servers.Any() ? null : WorkloadEndpoints.None;
    }

    /// <summary>The fully qualified name that the control plane registered this process under; ends when it first did.</summary>
    public Task<string> Registered => _registered.Task;

    /// <summary>Says where peers reach this process. A process that serves registers when this is first called.</summary>
    public void ServeAt(WorkloadEndpoints endpoints) => Change(() => _endpoints = endpoints);

    /// <summary>Says whether calls should come.</summary>
    public void ReportHealth(bool isServing) => Change(() => _isServing = isServing);

    /// <summary>Says that no new calls should come, and waits until every caller has taken that.</summary>
    /// <returns>False when nobody answered until the token ended the wait, or the control plane is away.</returns>
    public async Task<bool> DrainAsync(CancellationToken cancellationToken)
    {
        bool connected;
        lock (_lock)
        {
            connected = _changes is not null;
        }

        Change(() => _isDraining = true);
        if (!connected)
        {
            return false;
        }

        try
        {
            await _drained.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Holds the lease until cancelled, then gives it back.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var failures = 0;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await HoldAsync(() => failures = 0, stop).ConfigureAwait(false);
                Ended(_logger, _options.Service);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (RpcException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (RpcException e) when (e.StatusCode is StatusCode.PermissionDenied or StatusCode.InvalidArgument)
            {
                // Goes on trying: a manifest may be added that allows it.
                Refused(_logger, _options.Service, _options.Namespace, e.Status.Detail);
            }
            catch (Exception e) when (e is RpcException or HttpRequestException or IOException or InvalidOperationException)
            {
                Broken(_logger, _options.Service, e.Message);
            }

            await BackOffAsync(failures++, stop).ConfigureAwait(false);
        }
    }

    private async Task HoldAsync(Action answered, CancellationToken stop)
    {
        var client = new WorkloadService.WorkloadServiceClient(_channel.Channel);

        // Not the token of the call itself: a regular end must still be told.
        using var call = client.Join(cancellationToken: CancellationToken.None);
        var changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        lock (_lock)
        {
            _changes = changes;

            // Their questions went with the stream.
            _reports.Clear();
        }

        try
        {
            changes.Writer.TryWrite(true);
            var reading = ReadAsync(call.ResponseStream, answered);
            var writing = WriteAsync(call.RequestStream, changes.Reader, stop);
            var first = await Task.WhenAny(reading, writing).ConfigureAwait(false);
            if (first == writing && stop.IsCancellationRequested)
            {
                await EndAsync(call.RequestStream).ConfigureAwait(false);

                // Until the server has ended its side: to dispose earlier resets the stream, and a reset is a broken lease, not a given-back one.
                await reading.WaitAsync(EndPatience, _time, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            else if (writing.IsFaulted)
            {
                // A write knows only that the stream is gone; the answer says why.
                await reading.WaitAsync(EndPatience, _time, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                first = reading.IsFaulted ? reading : writing;
            }

            await first.ConfigureAwait(false);
        }
        finally
        {
            lock (_lock)
            {
                _changes = null;
            }
        }
    }

    private async Task ReadAsync(IAsyncStreamReader<JoinResponse> responses, Action answered)
    {
        await foreach (var response in responses.ReadAllAsync().ConfigureAwait(false))
        {
            answered();
            if (response.Registered is { } registered)
            {
                _registered.TrySetResult(registered.Host);
                Joined(_logger, _options.Service, registered.Host);
            }
            else if (response.DrainProgress is { Done: true })
            {
                _drained.TrySetResult();
            }
            else if (response.CallQuestion is { } question)
            {
                // At once and by the reader: as long as one is answered, the next waits in the stream.
                Report(_calls.Answer(question));
            }
        }
    }

    // The first message registers; every later change sends what differs from what was told.
    private async Task WriteAsync(IClientStreamWriter<JoinRequest> requests, ChannelReader<bool> changes, CancellationToken stop)
    {
        WorkloadEndpoints? told = null;
        var toldServing = true;
        var toldDraining = false;
        IdentityStatus? toldIdentity = null;
        while (await changes.WaitToReadAsync(stop).ConfigureAwait(false))
        {
            changes.TryRead(out _);
            var (endpoints, isServing, isDraining, identity) = Read();
            if (endpoints is null)
            {
                continue;
            }

            if (told != endpoints)
            {
                await requests.WriteAsync(new JoinRequest { Registration = Registration(endpoints, isServing) }, stop).ConfigureAwait(false);
                told = endpoints;
                toldServing = isServing;
            }
            else if (toldServing != isServing)
            {
                await requests.WriteAsync(new JoinRequest { Health = new HealthReport { Health = HealthOf(isServing) } }, stop).ConfigureAwait(false);
                toldServing = isServing;
            }

            if (identity is not null && !ReferenceEquals(toldIdentity, identity))
            {
                await requests.WriteAsync(new JoinRequest { Identity = IdentityReports.Of(identity) }, stop).ConfigureAwait(false);
                toldIdentity = identity;
            }

            while (NextReport() is { } report)
            {
                await requests.WriteAsync(new JoinRequest { CallReport = report }, stop).ConfigureAwait(false);
            }

            if (isDraining && !toldDraining)
            {
                await requests.WriteAsync(new JoinRequest { Drain = new DrainNotice() }, stop).ConfigureAwait(false);
                toldDraining = true;
            }
        }
    }

    // Few are asked at once; whoever asks more has given up the first.
    private void Report(CallReport report)
    {
        lock (_lock)
        {
            if (_reports.Count < MaxReports)
            {
                _reports.Enqueue(report);
                _changes?.Writer.TryWrite(true);
            }
        }
    }

    private CallReport? NextReport()
    {
        lock (_lock)
        {
            return _reports.TryDequeue(out var report) ? report : null;
        }
    }

    private static async Task EndAsync(IClientStreamWriter<JoinRequest> requests)
    {
        try
        {
            await requests.CompleteAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException or IOException)
        {
            // The stream is broken already: the lease ends by itself.
            return;
        }
    }

    private Registration Registration(WorkloadEndpoints endpoints, bool isServing)
    {
        var registration = new Registration
        {
            InstanceId = _node.InstanceId,
            Service = _options.Service,
            Namespace = _options.Namespace,
            ServiceAccount = _options.ServiceAccount,
            Version = _options.Version,
            Locality = _node.Locality,
            LibraryVersion = MeshNode.LibraryVersion,
            Health = HealthOf(isServing),
            Labels = { _options.Labels },
            Addresses = { endpoints.Addresses },
            Features = { MeshNode.Features },
        };
        registration.Ports.AddRange(endpoints.Ports.Select(static port => new WorkloadPort
        {
            Name = port.Name,
            Number = (uint)port.Number,
            AppProtocol = port.AppProtocol,
            MeshTls = port.MeshTls,
        }));
        return registration;
    }

    private static Health HealthOf(bool isServing) => isServing ? Health.Serving : Health.NotServing;

    private (WorkloadEndpoints? Endpoints, bool IsServing, bool IsDraining, IdentityStatus? Identity) Read()
    {
        lock (_lock)
        {
            return (_endpoints, _isServing, _isDraining, _identity);
        }
    }

    private void Change(Action change)
    {
        lock (_lock)
        {
            change();
            _changes?.Writer.TryWrite(true);
        }
    }

    private async Task BackOffAsync(int failures, CancellationToken stop)
    {
        var wait = Math.Min(LongestBackOff.TotalSeconds, FirstBackOff.TotalSeconds * Math.Pow(1.6, Math.Min(failures, 20)));
        wait *= 0.8 + (Random.Shared.NextDouble() * 0.4);
        await Task.Delay(TimeSpan.FromSeconds(wait), _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    [LoggerMessage(1601, LogLevel.Information, "Joined the mesh: service '{Service}' is registered as '{Host}'")]
    private static partial void Joined(ILogger logger, string service, string host);

    [LoggerMessage(1602, LogLevel.Warning, "The control plane does not register service '{Service}' of namespace '{Namespace}': {Reason}")]
    private static partial void Refused(ILogger logger, string service, string @namespace, string reason);

    [LoggerMessage(1603, LogLevel.Information, "The registration of service '{Service}' is interrupted and will be made again: {Reason}")]
    private static partial void Broken(ILogger logger, string service, string reason);

    [LoggerMessage(1604, LogLevel.Information, "The control plane ended the registration of service '{Service}'; it will be made again")]
    private static partial void Ended(ILogger logger, string service);
}
