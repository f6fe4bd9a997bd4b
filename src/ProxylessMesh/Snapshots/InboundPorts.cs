using System.Collections.Concurrent;

namespace ProxylessMesh.Snapshots;

/// <summary>The ports of this process by number. Asked once per connection.</summary>
internal sealed class InboundPorts(TimeProvider time) : IDisposable
{
    private readonly ConcurrentDictionary<int, InboundPort> _ports = new();

    public InboundPort Get(int number) => _ports.GetOrAdd(number, static (number, time) => new InboundPort(number, time), time);

    /// <summary>The port, or null where nothing listens on it.</summary>
    public InboundPort? Find(int number) => _ports.GetValueOrDefault(number);

    public void Dispose()
    {
        foreach (var port in _ports.Values)
        {
            port.Dispose();
        }
    }
}
