using System.Collections.Frozen;
using System.Collections.Immutable;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>
/// Workloads by the service that they joined as and by the labels that selectors ask for, so that finding the workloads of a service
/// does not mean looking at those of all others.
/// </summary>
internal sealed class WorkloadIndex
{
    private readonly Dictionary<(string Namespace, string Key, string Value), List<Workload>> _byLabel = [];
    private readonly Dictionary<string, List<Workload>> _byHost = new(StringComparer.Ordinal);

    /// <param name="workloads">All of the mesh.</param>
    /// <param name="selectorKeys">The labels that selectors ask for.</param>
    public WorkloadIndex(IEnumerable<Workload> workloads, FrozenSet<string> selectorKeys)
    {
        foreach (var workload in workloads.OrderBy(workload => workload.InstanceId, StringComparer.Ordinal))
        {
            foreach (var (key, value) in workload.Labels)
            {
                if (selectorKeys.Contains(key))
                {
                    Add(_byLabel, (workload.Namespace, key, value), workload);
                }
            }

            if (!workload.Ports.IsEmpty)
            {
                Add(_byHost, HostNames.Full(workload.Service, workload.Namespace), workload);
            }
        }
    }

    /// <summary>Every service that somebody joined as, by its full name.</summary>
    public IEnumerable<string> Hosts => _byHost.Keys;

    /// <summary>Those that joined as the service, by instance id.</summary>
    public ImmutableArray<Workload> JoinedAs(string host) => [.. _byHost.GetValueOrDefault(host, [])];

    /// <summary>Those of the namespace that a selector with content selects, by instance id.</summary>
    public ImmutableArray<Workload> Selected(string ns, ImmutableSortedDictionary<string, string> selector)
    {
        // Whoever is selected has all of the labels: the rarest is where to look.
        var candidates = selector.Select(label => _byLabel.GetValueOrDefault((ns, label.Key, label.Value), [])).MinBy(found => found.Count) ?? [];
        return [.. candidates.Where(workload => selector.Selects(workload.Labels))];
    }

    private static void Add<TKey>(Dictionary<TKey, List<Workload>> index, TKey key, Workload workload)
        where TKey : notnull
    {
        if (!index.TryGetValue(key, out var found))
        {
            index.Add(key, found = []);
        }

        found.Add(workload);
    }
}
