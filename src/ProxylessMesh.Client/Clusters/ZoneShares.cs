using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>How the calls of one client divide between zones when its own comes first (Envoy "Zone aware routing").</summary>
/// <remarks>
/// Envoy compares the share of callers in its zone with the share of endpoints there. A client knows nothing of the other callers, so
/// they are taken to be spread evenly over the zones that have endpoints.
/// </remarks>
internal static class ZoneShares
{
    /// <param name="config">The thresholds.</param>
    /// <param name="client">Where this process runs.</param>
    /// <param name="localities">Each with the number of its endpoints that take calls.</param>
    /// <returns>The share of each locality, together 1; null where zones are not to be looked at.</returns>
    public static double[]? Of(ZoneAwareConfig config, ClientTraits client, ReadOnlySpan<(LocalityConfig Locality, int Available)> localities)
    {
        var zones = new Dictionary<(string, string), int>();
        var total = 0;
        foreach (var (locality, available) in localities)
        {
            if (available > 0)
            {
                total += available;
                zones[Zone(locality)] = zones.GetValueOrDefault(Zone(locality)) + available;
            }
        }

        var home = (client.Region, client.Zone);
        if (client.Zone.Length == 0 || zones.Count < 2 || total < config.MinClusterSize || !zones.ContainsKey(home))
        {
            return null;
        }

        var byZone = Divide(zones, home, total);
        var enabled = Math.Clamp(config.RoutingEnabledPercent, 0, 100) / 100;
        var shares = new double[localities.Length];
        for (var i = 0; i < shares.Length; i++)
        {
            var (locality, available) = localities[i];
            if (available > 0)
            {
                var ofZone = byZone[Zone(locality)] * available / zones[Zone(locality)];
                shares[i] = (enabled * ofZone) + ((1 - enabled) * available / total);
            }
        }

        return shares;
    }

    // All of it stays at home where there is as much capacity as there are callers; else as much as there is, and the rest goes to
    // zones by what they have to spare.
    private static Dictionary<(string, string), double> Divide(Dictionary<(string, string), int> zones, (string, string) home, int total)
    {
        var callers = 1.0 / zones.Count;
        var kept = Math.Min(1, (double)zones[home] / total / callers);
        var spare = zones.ToDictionary(static zone => zone.Key, zone => zone.Key == home ? 0 : Math.Max(0, ((double)zone.Value / total) - callers));
        var allSpare = spare.Values.Sum();
        return zones.Keys.ToDictionary(static zone => zone, zone => zone == home ? kept : kept >= 1 || allSpare <= 0 ? 0 : (1 - kept) * spare[zone] / allSpare);
    }

    private static (string, string) Zone(LocalityConfig locality) => (locality.Region, locality.Zone);
}
