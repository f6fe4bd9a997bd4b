using System.Collections.Concurrent;

namespace ProxylessMesh.Snapshots;

/// <summary>The ports of this process by number. Asked once per connection.</summary>
internal sealed class InboundPorts
{
    private readonly ConcurrentDictionary<int, InboundPort> _ports = new();

    public InboundPort Get(int number) => _ports.GetOrAdd(number, static number => new InboundPort(number));
}
