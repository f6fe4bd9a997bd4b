using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Xds.Client;

/// <summary>Puts a response into the cache: the good resources of it, whatever the others are (gRFC A46).</summary>
internal static class ResourceIntake
{
    /// <returns>The entries that watchers must hear of, and the words of the NACK; null: ACK.</returns>
    public static (List<CacheEntry> Changed, string? Error) Apply(DiscoveryUpdate update, ResourceCache cache, XdsClientOptions options)
    {
        var changed = new List<CacheEntry>();
        if (update.Type is not { } type)
        {
            return (changed, null);
        }

        var errors = new List<string>(update.NamelessErrors);
        foreach (var resource in update.Resources)
        {
            Take(resource, type, cache, options, errors, changed);
        }

        foreach (var name in update.Removed)
        {
            if (cache.TryGet(type, name, out var entry))
            {
                Remove(entry, cache, options, changed);
            }
        }

        if (update.IsWhole && type.AbsentMeansDeleted)
        {
            var present = update.Resources.Select(static resource => resource.Name).ToHashSet(StringComparer.Ordinal);
            foreach (var entry in cache[type].Values)
            {
                // A name that was never seen may just not have reached the server yet: its own timer decides (A57).
                if (entry.Config is not null && !present.Contains(entry.Name) && update.NamelessErrors.IsEmpty)
                {
                    Remove(entry, cache, options, changed);
                }
            }
        }

        return (changed, errors.Count == 0 ? null : string.Join("; and ", errors));
    }

    private static void Take(ReceivedResource resource, ResourceType type, ResourceCache cache, XdsClientOptions options, List<string> errors, List<CacheEntry> changed)
    {
        if (resource.Error is { } error)
        {
            errors.Add(error);
        }

        if (!cache.TryGet(type, resource.Name, out var entry))
        {
            return;
        }

        var isNews = resource.Config is { } config
            ? entry.Accept(resource.Version, resource.Value, config)
            : entry.Refuse($"The {ResourceCache.Describe(entry)} was refused: {resource.Error}", options.FailOnDataErrors);
        if (resource.Config is not null)
        {
            cache.ForgetSeed(entry);
        }

        if (isNews)
        {
            changed.Add(entry);
        }
    }

    private static void Remove(CacheEntry entry, ResourceCache cache, XdsClientOptions options, List<CacheEntry> changed)
    {
        if (entry.Config is not null && options.IgnoreResourceDeletion)
        {
            return;
        }

        cache.ForgetSeed(entry);
        if (entry.SetMissing($"The management server says that there is no {DecodeErrors.Printable(ResourceCache.Describe(entry))}."))
        {
            changed.Add(entry);
        }
    }
}
