using System.Collections.Immutable;
using ProxylessMesh.ControlPlane.Workloads;
using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.ControlPlane.Translation;

/// <summary>The shares of <c>distribute</c>: what callers from a place send where. A place that has no share gets nothing.</summary>
internal static class LocalityWeights
{
    /// <summary>Scales shares so that rounding to whole weights changes none of them by more than a thousandth of a percent.</summary>
    private const uint Scale = 1000;

    /// <summary>The shares for callers at a place; null: nobody wrote any, and localities share by their endpoints.</summary>
    public static LocalityShares? For(LocalitySettings? settings, CallerPlace place)
        => settings?.Distribute.FirstOrDefault(shares => Matches(place.Locality, shares.From));

    /// <summary>The weights of localities whose endpoints weigh <paramref name="own"/>; 0: no calls.</summary>
    public static ImmutableArray<uint> Of(LocalityShares shares, ImmutableArray<(WorkloadLocality Locality, uint Weight)> own)
    {
        var owners = own.Select(locality => shares.To.Keys.FirstOrDefault(place => Matches(locality.Locality, place))).ToImmutableArray();
        return [.. own.Select((locality, index) => Share(shares, own, owners, index))];
    }

    private static uint Share(LocalityShares shares, ImmutableArray<(WorkloadLocality Locality, uint Weight)> own, ImmutableArray<string?> owners, int index)
    {
        if (owners[index] is not { } place)
        {
            return 0;
        }

        // Localities of one place divide its share by their endpoints.
        var together = own.Where((_, other) => owners[other] == place).Sum(locality => (long)locality.Weight);
        return (uint)Math.Max(1, Scale * shares.To[place] * (long)own[index].Weight / together);
    }

    private static bool Matches(WorkloadLocality locality, string place)
    {
        var parts = place.Split('/');
        string[] own = [locality.Region ?? "", locality.Zone ?? "", locality.SubZone ?? ""];
        for (var i = 0; i < parts.Length && parts[i] != "*"; i++)
        {
            if (parts[i] != own[i])
            {
                return false;
            }
        }

        return true;
    }
}
