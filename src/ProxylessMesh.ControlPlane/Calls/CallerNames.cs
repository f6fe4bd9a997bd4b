using System.Collections.Frozen;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Protos.V1;

namespace ProxylessMesh.ControlPlane.Calls;

/// <summary>
/// Names for callers that proved no identity: the workloads registered at their address. A hint for whoever looks for them, no proof:
/// other processes may run there too.
/// </summary>
internal sealed class CallerNames(IEnumerable<Workload> workloads)
{
    private const int MaxNames = 3;

    private readonly FrozenDictionary<string, string> _byAddress = workloads
        .SelectMany(static workload => workload.Addresses.Select(address => (Address: address.ToString(), Name: $"{workload.Service}.{workload.Namespace}")))
        .Distinct()
        .GroupBy(static one => one.Address, static one => one.Name, StringComparer.Ordinal)
        .ToFrozenDictionary(static group => group.Key, static group => string.Join(" or ", group.Order(StringComparer.Ordinal).Take(MaxNames)), StringComparer.Ordinal);

    /// <summary>Empty for callers that proved who they are, and where nobody is known at the address.</summary>
    public string Find(CallSummary call) => call.Caller.Length > 0 ? "" : _byAddress.GetValueOrDefault(call.Address, "");
}
