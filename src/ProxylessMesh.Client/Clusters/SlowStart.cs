using ProxylessMesh.Xds.Resources;

namespace ProxylessMesh.Client.Clusters;

/// <summary>The weights of endpoints at one moment: one that came a short while ago has less than its own (Envoy "Slow start").</summary>
internal static class SlowStart
{
    public static double[] Weights(SlowStartConfig? config, LocalityMember[] members, PickMoment moment)
    {
        var weights = Array.ConvertAll(members, static member => member.Weight);
        if (config is not null)
        {
            for (var i = 0; i < weights.Length; i++)
            {
                weights[i] *= Share(config, moment.Time.GetElapsedTime(members[i].Endpoint.JoinedAt, moment.Now));
            }
        }

        return weights;
    }

    /// <summary>1 after the window; before, (age / window)^(1 / aggression), but no less than the minimum.</summary>
    public static double Share(SlowStartConfig config, TimeSpan age)
    {
        if (age >= config.Window)
        {
            return 1;
        }

        var passed = Math.Max(age.TotalMilliseconds, 1) / config.Window.TotalMilliseconds;
        return Math.Min(1, Math.Max(Math.Pow(passed, 1 / config.Aggression), config.MinWeightPercent / 100));
    }
}
