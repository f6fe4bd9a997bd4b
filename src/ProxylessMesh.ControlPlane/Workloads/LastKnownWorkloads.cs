using System.Collections.Frozen;
using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ProxylessMesh.ControlPlane.Store;
using ProxylessMesh.ControlPlane.Xds;
using ProxylessMesh.Spiffe;

namespace ProxylessMesh.ControlPlane.Workloads;

/// <summary>
/// Keeps who was there in the state folder, so that a restart of the control plane does not empty every cluster: what was known stays
/// until it joins again or its time is over.
/// </summary>
internal sealed partial class LastKnownWorkloads(WorkloadRegistry registry, StateFolder state, IOptions<MeshControlPlaneOptions> options, TimeProvider time, ILogger<LastKnownWorkloads> logger)
    : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private readonly WakeSignal _signal = new();
    private readonly string _path = state.PathOf("workloads.json");

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        registry.Restore(Load(), options.Value.WorkloadRejoinPeriod);
        registry.Changed += _signal.Wake;
        return base.StartAsync(cancellationToken);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        registry.Changed -= _signal.Wake;
        Save();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            await _signal.Waiting.WaitAsync(stoppingToken);
            _signal.Reset();
            Save();
            await Task.Delay(Pause, time, stoppingToken);
        }
    }

    private List<Workload> Load()
    {
        try
        {
            return File.Exists(_path) ? [.. JsonSerializer.Deserialize(File.ReadAllBytes(_path), WorkloadsJson.Default.StoredWorkloadArray)!.Select(ToWorkload)] : [];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or JsonException or FormatException or ArgumentException)
        {
            LogNotRead(exception, _path);
            return [];
        }
    }

    private void Save()
    {
        try
        {
            AtomicFile.WriteSecret(_path, JsonSerializer.SerializeToUtf8Bytes([.. registry.Current.ByInstance.Values.Select(ToStored)], WorkloadsJson.Default.StoredWorkloadArray));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogNotKept(exception, _path);
        }
    }

    private static StoredWorkload ToStored(Workload workload) => new(
        workload.InstanceId,
        workload.Id.ToString(),
        workload.Service,
        workload.Namespace,
        workload.ServiceAccount,
        new Dictionary<string, string>(workload.Labels),
        workload.Locality,
        [.. workload.Addresses.Select(static address => address.ToString())],
        [.. workload.Ports],
        workload.Health,
        [.. workload.Features],
        workload.LibraryVersion);

    private static Workload ToWorkload(StoredWorkload stored) => new()
    {
        InstanceId = stored.InstanceId,
        Id = SpiffeId.Parse(stored.Id),
        Service = stored.Service,
        Namespace = stored.Namespace,
        ServiceAccount = stored.ServiceAccount,
        Labels = stored.Labels.ToFrozenDictionary(StringComparer.Ordinal),
        Locality = stored.Locality,
        Addresses = [.. stored.Addresses.Select(IPAddress.Parse)],
        Ports = [.. stored.Ports],
        Health = stored.Health,
        Features = [.. stored.Features],
        LibraryVersion = stored.LibraryVersion,
    };

    [LoggerMessage(6210, LogLevel.Warning, "'{Path}' cannot be read, so workloads that were there before count only when they join again.")]
    private partial void LogNotRead(Exception exception, string path);

    [LoggerMessage(6211, LogLevel.Error, "'{Path}' cannot be written: after a restart, workloads count only when they join again. Make room or mend the permissions of the state folder.")]
    private partial void LogNotKept(Exception exception, string path);
}

/// <summary>A workload as it is kept.</summary>
internal sealed record StoredWorkload(
    string InstanceId,
    string Id,
    string Service,
    string Namespace,
    string ServiceAccount,
    Dictionary<string, string> Labels,
    WorkloadLocality Locality,
    string[] Addresses,
    ServingPort[] Ports,
    WorkloadHealth Health,
    string[] Features,
    string LibraryVersion);

[JsonSerializable(typeof(StoredWorkload[]))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
internal sealed partial class WorkloadsJson : JsonSerializerContext;
