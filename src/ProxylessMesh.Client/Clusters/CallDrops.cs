using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>Refuses a share of the calls of a cluster because the control plane says that it is too much (<c>drop_overloads</c>).</summary>
internal sealed class CallDrops
{
    private const int Million = 1_000_000;

    private readonly (string Category, int PerMillion)[] _drops;

    private CallDrops((string Category, int PerMillion)[] drops) => _drops = drops;

    /// <returns>Null when there is nothing to drop.</returns>
    public static CallDrops? Of(EndpointsConfig? endpoints)
        => endpoints is null || endpoints.Drops.IsDefaultOrEmpty || !endpoints.Drops.Any(static drop => drop.PerMillion > 0) ? null : new CallDrops([.. endpoints.Drops]);

    /// <summary>Draws for each category in turn: the second drops its share of what the first let through.</summary>
    /// <returns>The category that drops the call; null: it goes on.</returns>
    public string? Draw()
    {
        foreach (var (category, perMillion) in _drops)
        {
            if (Random.Shared.Next(Million) < perMillion)
            {
                return category;
            }
        }

        return null;
    }
}
