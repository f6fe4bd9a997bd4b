using System.Diagnostics.CodeAnalysis;

namespace ProxylessMesh.Xds.Client;

/// <summary>Every name that somebody needs, by type, and what was imported from a snapshot. Touched by the client's loop only.</summary>
internal sealed class ResourceCache
{
    private readonly Dictionary<ResourceType, Dictionary<string, CacheEntry>> _entries =
        ResourceType.All.ToDictionary(static type => type, static _ => new Dictionary<string, CacheEntry>(StringComparer.Ordinal));

    private readonly Dictionary<ResourceKey, (CachedResource Resource, object Config)> _seeds = [];
    private readonly HashSet<ResourceKey> _missingSeeds = [];

    /// <summary>Types whose set of names changed since the last request of that type was made.</summary>
    public HashSet<ResourceType> Resubscribe { get; } = [];

    public IReadOnlyDictionary<string, CacheEntry> this[ResourceType type] => _entries[type];

    public IEnumerable<CacheEntry> All => _entries.Values.SelectMany(static entries => entries.Values);

    public bool IsEmpty => _entries.Values.All(static entries => entries.Count == 0);

    public bool TryGet(ResourceType type, string name, [NotNullWhen(true)] out CacheEntry? entry) => _entries[type].TryGetValue(name, out entry);

    /// <summary>The entry of a name; made, and so subscribed, where there is none.</summary>
    public CacheEntry Need(ResourceType type, string name, out bool isNew)
    {
        isNew = !_entries[type].TryGetValue(name, out var entry);
        if (entry is null)
        {
            entry = new CacheEntry(type, name);
            _entries[type].Add(name, entry);
            Resubscribe.Add(type);
        }

        return entry;
    }

    /// <summary>Drops an entry that nobody needs.</summary>
    public void Drop(CacheEntry entry)
    {
        entry.StopTimer();
        if (_entries[entry.Type].Remove(entry.Name))
        {
            Resubscribe.Add(entry.Type);
        }
    }

    public void Seed(CachedResource resource, object config) => _seeds[resource.Key] = (resource, config);

    public void SeedMissing(ResourceKey key) => _missingSeeds.Add(key);

    /// <summary>Takes an imported value for a name that the server has not spoken about.</summary>
    /// <returns>Whether there was one.</returns>
    public bool AdoptSeed(CacheEntry entry)
    {
        var key = new ResourceKey(entry.Type.TypeUrl, entry.Name);
        if (!entry.IsUnanswered)
        {
            return false;
        }

        if (_seeds.TryGetValue(key, out var seed))
        {
            return entry.Accept(seed.Resource.Version, seed.Resource.Value, seed.Config);
        }

        return _missingSeeds.Contains(key) && entry.SetMissing($"There was no {Describe(entry)} when the snapshot was made that this process started from.");
    }

    /// <summary>The server has spoken about the name: what was imported is history.</summary>
    public void ForgetSeed(CacheEntry entry)
    {
        var key = new ResourceKey(entry.Type.TypeUrl, entry.Name);
        _seeds.Remove(key);
        _missingSeeds.Remove(key);
    }

    public static string Describe(CacheEntry entry)
        => $"{(entry.Type == ResourceType.Listeners ? "listener" : entry.Type == ResourceType.Routes ? "route configuration" : entry.Type == ResourceType.Clusters ? "cluster" : "load assignment")} '{entry.Name}'";
}
