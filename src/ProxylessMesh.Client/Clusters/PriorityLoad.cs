namespace ProxylessMesh.Client.Clusters;

/// <summary>How many endpoints of a priority can take calls, and what its config says of that.</summary>
/// <param name="Available">Endpoints that take calls.</param>
/// <param name="Total">All, whatever their health.</param>
/// <param name="OverprovisioningFactor">In percent; null: a priority takes all calls while it has anybody.</param>
/// <param name="PanicThreshold">Percentage (0-100); null: none.</param>
internal readonly record struct PriorityHealth(int Available, int Total, uint? OverprovisioningFactor, double? PanicThreshold)
{
    public bool IsBelowThreshold => PanicThreshold is { } threshold && (Total == 0 ? 0 : 100.0 * Available / Total) < Math.Min(100, threshold);
}

/// <summary>What a priority gets: a percentage (0-100) of the calls, and whether they go to all of its endpoints whatever their health.</summary>
internal readonly record struct PriorityShare(int Percent, bool IsPanic);

/// <summary>Divides the calls of a cluster between its priorities.</summary>
/// <remarks>
/// With an overprovisioning factor as Envoy does ("Priority levels", "Panic threshold"): a priority is as healthy as the share of its
/// endpoints that take calls, times the factor; what it cannot take goes on to the next. Panic is looked at only when all together
/// cannot take everything, and when every priority is in panic the calls go by the number of endpoints. Without a factor as gRPC does:
/// the first priority that has anybody takes all.
/// </remarks>
internal static class PriorityLoad
{
    /// <returns>Shares that add up to 100; all 0 when nobody takes calls and no threshold says to panic.</returns>
    public static PriorityShare[] Divide(ReadOnlySpan<PriorityHealth> priorities)
    {
        var shares = new PriorityShare[priorities.Length];
        var isEnvoys = true;
        foreach (var priority in priorities)
        {
            isEnvoys &= priority.OverprovisioningFactor is not null;
        }

        if (isEnvoys)
        {
            Spill(priorities, shares);
        }
        else
        {
            TakeFirst(priorities, shares);
        }

        return shares;
    }

    private static void TakeFirst(ReadOnlySpan<PriorityHealth> priorities, PriorityShare[] shares)
    {
        for (var i = 0; i < priorities.Length; i++)
        {
            if (priorities[i].Available > 0)
            {
                shares[i] = new PriorityShare(100, priorities[i].IsBelowThreshold);
                return;
            }
        }

        for (var i = 0; i < priorities.Length; i++)
        {
            if (priorities[i] is { Total: > 0, IsBelowThreshold: true })
            {
                shares[i] = new PriorityShare(100, true);
                return;
            }
        }
    }

    private static void Spill(ReadOnlySpan<PriorityHealth> priorities, PriorityShare[] shares)
    {
        var health = new long[priorities.Length];
        var total = 0L;
        for (var i = 0; i < health.Length; i++)
        {
            var priority = priorities[i];
            health[i] = priority.Total == 0 ? 0 : Math.Min(100, (long)priority.OverprovisioningFactor!.Value * priority.Available / priority.Total);
            total += health[i];
        }

        var isPanic = total < 100 && priorities.Length > 0;
        foreach (var priority in priorities)
        {
            isPanic &= priority.IsBelowThreshold;
        }

        total = Math.Min(100, total);
        if (isPanic)
        {
            DivideByNumber(priorities, shares);
            return;
        }

        if (total == 0)
        {
            return;
        }

        var first = -1;
        var rest = 100L;
        for (var i = 0; i < health.Length; i++)
        {
            first = first < 0 && health[i] > 0 ? i : first;
            var taken = Math.Min(rest, health[i] * 100 / total);
            rest -= taken;
            shares[i] = new PriorityShare((int)taken, total < 100 && priorities[i].IsBelowThreshold);
        }

        // What rounding has left over.
        shares[first] = shares[first] with { Percent = shares[first].Percent + (int)rest };
    }

    private static void DivideByNumber(ReadOnlySpan<PriorityHealth> priorities, PriorityShare[] shares)
    {
        var total = 0L;
        foreach (var priority in priorities)
        {
            total += priority.Total;
        }

        if (total == 0)
        {
            return;
        }

        var first = -1;
        var rest = 100;
        for (var i = 0; i < shares.Length; i++)
        {
            first = first < 0 && priorities[i].Total > 0 ? i : first;
            var taken = (int)(100L * priorities[i].Total / total);
            rest -= taken;
            shares[i] = new PriorityShare(taken, true);
        }

        shares[first] = shares[first] with { Percent = shares[first].Percent + rest };
    }
}
