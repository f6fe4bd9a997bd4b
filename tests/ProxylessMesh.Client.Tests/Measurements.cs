using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using ProxylessMesh.Client.Telemetry;

namespace ProxylessMesh.Client.Tests;

/// <summary>What one counter of one mesh measured.</summary>
internal sealed class Measurements : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly Lock _lock = new();
    private readonly List<Dictionary<string, object?>> _tags = [];
    private readonly SemaphoreSlim _measured = new(0);

    public Measurements(TestMesh mesh, string instrument)
    {
        // Made by the mesh's own factory: counters of other tests have the same name.
        var meters = mesh.Services.GetRequiredService<IMeterFactory>();
        _ = mesh.Services.GetRequiredService<MeshMeter>();
        _listener.InstrumentPublished = (published, listener) =>
        {
            if (published.Name == instrument && ReferenceEquals(published.Meter.Scope, meters))
            {
                listener.EnableMeasurementEvents(published);
            }
        };
        _listener.SetMeasurementEventCallback<long>((_, _, tags, _) =>
        {
            lock (_lock)
            {
                _tags.Add(tags.ToArray().ToDictionary());
            }

            _measured.Release();
        });
        _listener.Start();
    }

    /// <summary>The tags of each measurement, in order.</summary>
    public IReadOnlyList<Dictionary<string, object?>> Tags
    {
        get
        {
            lock (_lock)
            {
                return [.. _tags];
            }
        }
    }

    /// <summary>Waits until so many more were made.</summary>
    public async Task WaitAsync(int count, CancellationToken cancellationToken)
    {
        for (var i = 0; i < count; i++)
        {
            await _measured.WaitAsync(cancellationToken);
        }
    }

    public void Dispose()
    {
        _listener.Dispose();
        _measured.Dispose();
    }
}
