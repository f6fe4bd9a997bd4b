using ProxylessMesh.Manifests.Kinds;

namespace ProxylessMesh.Manifests.Reading;

/// <summary>Warns of routes that stand behind one that takes every call.</summary>
internal static class UnreachableRoutes
{
    public static void Warn(YamlMap spec, VirtualServiceManifest service)
    {
        var takesAll = -1;
        for (var i = 0; i < service.Http.Length; i++)
        {
            if (takesAll >= 0)
            {
                var field = spec.Field("http")!.Value.Items().ElementAt(i);
                field.Warn($"no call comes here: http[{takesAll}] takes every call", "Move it up, or remove it");
            }
            else if (service.Http[i].Matches.IsEmpty || service.Http[i].Matches.Any(match => match.MatchesEverything))
            {
                takesAll = i;
            }
        }
    }
}
